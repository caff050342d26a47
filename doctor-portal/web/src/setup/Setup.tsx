import { useState } from 'preact/hooks'
import type { Doctor, Status } from '../app/practice.ts'
import { useFocusOn } from '../app/work.ts'
import { Certificate } from './Certificate.tsx'
import { Import } from './Import.tsx'
import { MakeKeys } from './MakeKeys.tsx'
import { Register } from './Register.tsx'
import { Request } from './Request.tsx'
import { Welcome } from './Welcome.tsx'

/** A browser without keys. */
export function FirstUse({ status }: { status: Status }) {
  const [way, go] = useState<'welcome' | 'make' | 'import'>('welcome')
  const back = () => go('welcome')
  useFocusOn(way)
  if (way === 'make') return <MakeKeys onBack={back} />
  if (way === 'import') return <Import onBack={back} />
  return <Welcome status={status} onMake={() => go('make')} onImport={() => go('import')} />
}

/** Keys that are not registered yet. */
export function GoOn({ doctor }: { doctor: Doctor }) {
  const [have, setHave] = useState(false)
  useFocusOn(`${doctor.state} ${have}`)
  if (doctor.state === 'certified') return <Register doctor={doctor} />
  return have ? <Certificate onBack={() => setHave(false)} /> : <Request onHave={() => setHave(true)} />
}
