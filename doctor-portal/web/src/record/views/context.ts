import { createContext } from 'preact'
import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { twins } from '../select/twins'
import type { RecordStore } from '../store/store'
import type { Item } from '../types'

/** What every part of the record's screens needs. */
export interface Chart {
  readonly store: RecordStore
  /** The time to which ages are told, in milliseconds. */
  readonly now: number
  /** Grows with each change of the store. */
  readonly version: number
  readonly twins: ReadonlyMap<string, readonly Item[]>
  /** Opens an item's details. */
  readonly open: (key: string) => void
  /** The hospital's name for people. */
  readonly hospital: (id: string) => string
}

export const ChartContext = createContext<Chart | undefined>(undefined)

export function useChart(): Chart {
  const chart = useContext(ChartContext)
  if (!chart) throw new Error('a part of the record stands outside of RecordView')
  return chart
}

/** The store's version, rendering again when it changes. */
export function useVersion(store: RecordStore): number {
  const [version, setVersion] = useState(store.version)
  useEffect(() => {
    const changed = () => setVersion(store.version)
    changed()
    return store.subscribe(changed)
  }, [store])
  return version
}

export function useNewChart(store: RecordStore, now: number, open: (key: string) => void): Chart {
  const version = useVersion(store)
  const found = useMemo(() => twins(store.items), [store, version])
  return useMemo(
    () => ({ store, now, version, twins: found, open, hospital: (id: string) => store.source(id)?.name ?? id }),
    [store, now, version, found, open],
  )
}
