import { parseRoute } from '@medunion/ui'
import { describe, expect, it } from 'vitest'
import { recordTabs } from '../../record/views/RecordView.tsx'
import { guard, link, routeOf, visitTabs, type Route } from '../routes.ts'

const id = '0123456789abcdef'
const at = (hash: string) => routeOf(parseRoute(hash))

describe('routes', () => {
  it.each<Route>([
    { at: 'home' }, { at: 'card' }, { at: 'keys' }, { at: 'help' }, { at: 'earlier' }, { at: 'earlier', id },
    ...visitTabs.map((tab): Route => ({ at: 'visit', id, tab })),
  ])('reads what it writes: %o', (r) => expect(at(link(r))).toEqual(r))

  it.each(['#/nothing', '#/visits', '#/visits/xyz', `#/visits/${id}/elsewhere`, `#/visits/${id}/summary/more`, '#/keys/1', '#/earlier/xyz', `#/earlier/${id}/visit`, `#/visits/${id.toUpperCase()}`])(
    'knows no %s', (hash) => expect(at(hash)).toEqual({ at: 'unknown' }))

  it('has every tab of the record', () => {
    expect(visitTabs.filter((t) => t !== 'visit' && t !== 'evidence')).toEqual([...recordTabs])
  })
})

describe('guard', () => {
  it('shows the set-up before the registration, but keys and help always', () => {
    for (const state of ['new', 'certified'] as const) {
      expect(guard({ at: 'home' }, { state })).toEqual({ at: 'setup' })
      expect(guard({ at: 'visit', id, tab: 'visit' }, { state })).toEqual({ at: 'setup' })
      expect(guard({ at: 'unknown' }, { state })).toEqual({ at: 'setup' })
      expect(guard({ at: 'keys' }, { state })).toEqual({ at: 'keys' })
    }
    expect(guard({ at: 'card' }, { state: 'registered' })).toEqual({ at: 'card' })
  })
})
