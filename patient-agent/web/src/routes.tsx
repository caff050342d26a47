import { matchRoute, useRoute, type Route } from '@medunion/ui'
import type { VNode } from 'preact'
import { ConsentScreen, Consents } from './screens/consents.tsx'
import { Diagnoses, DiagnosisScreen } from './screens/diagnoses.tsx'
import { Home } from './screens/home.tsx'
import { Hospitals, HospitalScreen, LinkHospital } from './screens/hospitals.tsx'
import { Me } from './screens/me.tsx'
import { SeenScreen } from './screens/seen.tsx'
import { About, Settings } from './screens/settings.tsx'
import { Stop } from './screens/stop.tsx'
import { Again, Approve } from './screens/visit/approve.tsx'
import { Department, Doctor } from './screens/visit/doctor.tsx'
import { Live } from './screens/visit/live.tsx'
import { Measure } from './screens/visit/measure.tsx'
import { PickScreen } from './screens/visit/pick.tsx'
import { RecordingScreen } from './screens/visit/recording.tsx'
import { Paste, Scan } from './screens/visit/scan.tsx'
import { Share } from './screens/visit/share.tsx'
import { Terms } from './screens/visit/terms.tsx'

/** Screens without a parameter, by their path. */
const fixed: Record<string, () => VNode> = {
  '/welcome/me': () => <Me first />,
  '/hospitals': () => <Hospitals />,
  '/visit': () => <Scan />,
  '/visit/paste': () => <Paste />,
  '/visit/doctor': () => <Doctor />,
  '/visit/department': () => <Department />,
  '/visit/share': () => <Share />,
  '/visit/terms': () => <Terms />,
  '/visit/measure': () => <Measure />,
  '/visit/measure/file': () => <RecordingScreen />,
  '/visit/approve': () => <Approve />,
  '/diagnoses': () => <Diagnoses />,
  '/consents': () => <Consents />,
  '/seen': () => <SeenScreen />,
  '/settings': () => <Settings />,
  '/settings/me': () => <Me />,
  '/settings/about': () => <About />,
}

/** Screens about one thing. */
const about: [string, (id: string) => VNode][] = [
  ['/hospitals/:id', (id) => <HospitalScreen id={id} />],
  ['/hospitals/:id/link', (id) => <LinkHospital id={id} />],
  ['/visit/share/:id', (id) => <PickScreen hospital={id} />],
  ['/visits/:id', (id) => <Live id={id} />],
  ['/visits/:id/again', (id) => <Again visit={id} />],
  ['/diagnoses/:id', (id) => <DiagnosisScreen id={id} />],
  ['/consents/:id', (id) => <ConsentScreen hash={id} />],
  ['/consents/:id/stop', (id) => <Stop hash={id} />],
]

function screenOf(route: Route): VNode {
  const plain = fixed[route.path]
  if (plain) return plain()
  for (const [pattern, screen] of about) {
    const params = matchRoute(pattern, route) as { id?: string } | undefined
    if (params?.id !== undefined) return screen(params.id)
  }
  return <Home />
}

/** The screen of the address; each address starts its screen anew. */
export function Routes() {
  const route = useRoute()
  return <div key={route.path}>{screenOf(route)}</div>
}
