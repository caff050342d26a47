import { required, useObservable } from './store.ts'
import type { Workplace } from './workplace.ts'

const [Provider, useIt] = required<Workplace>('the workplace')

export const WorkplaceProvider = Provider

/** The workplace; the component renders again whenever it changes. */
export function useWorkplace(): Workplace {
  return useObservable(useIt())
}
