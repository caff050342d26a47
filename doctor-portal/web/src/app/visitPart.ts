import { useEffect, useState } from 'preact/hooks'
import { useWorkplace } from './context.ts'

type Module = typeof import('../visit/index.ts')

/** The screens of a visit and the rooms of the open ones. */
export interface VisitPart extends Pick<Module, 'Banner' | 'EarlierVisits' | 'VisitScreen'> {
  rooms: InstanceType<Module['Rooms']>
}

/** Loads the visit's part of the page while the keys are open; what it holds of visits goes with the component. */
export function useVisitPart(): VisitPart | undefined {
  const { visits } = useWorkplace()
  const [part, setPart] = useState<VisitPart>()
  useEffect(() => {
    let current = true
    void import('../visit/index.ts').then(({ Banner, EarlierVisits, VisitScreen, Rooms }) => current && setPart({ Banner, EarlierVisits, VisitScreen, rooms: new Rooms() }))
    return () => void (current = false)
  }, [])
  useEffect(() => part?.rooms.keep(visits), [part, visits])
  useEffect(() => () => part?.rooms.clear(), [part])
  return part
}
