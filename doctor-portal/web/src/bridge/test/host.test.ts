// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { encodeArgs, newHost, type Heard } from '../host.ts'

const files = { read: async () => null, replace: async () => {}, remove: async () => {}, list: async () => [] }

function heard() {
  const all: unknown[][] = []
  const note = (name: string) => (...args: unknown[]) => void all.push([name, ...args])
  const h: Heard = { ready: note('ready'), failed: note('failed'), changed: note('changed'), done: note('done') }
  const exchange = () => Promise.reject(new Error('not in these tests'))
  return { all, host: newHost('{}', exchange, files, h) }
}

describe('arguments of a call', () => {
  it('are a JSON list with bytes in base64', () => {
    const prf = new Uint8Array([0, 1, 254, 255])
    expect(encodeArgs([{ prf, credentialId: 'x' }])).toBe('[{"prf":"AAH+/w==","credentialId":"x"}]')
    expect(encodeArgs([new Uint8Array([1, 2, 3]).subarray(1)])).toBe('["AgM="]')
  })

  it('leave out what is undefined', () => {
    expect(encodeArgs(['id', undefined])).toBe('["id"]')
    expect(encodeArgs(['id', { text: undefined, note: 'n' }])).toBe('["id",{"note":"n"}]')
    expect(encodeArgs([])).toBe('[]')
  })

  it('hold large files whole', () => {
    const file = new Uint8Array(1 << 20).map((_, i) => i * 7)
    const [text] = JSON.parse(encodeArgs([file])) as [string]
    const back = atob(text)
    expect(back.length).toBe(file.length)
    expect(file.every((b, i) => b === back.charCodeAt(i))).toBe(true)
  })
})

describe('answers of the program', () => {
  it('are values, bytes, or both', () => {
    const { all, host } = heard()
    const data = new Uint8Array([7])
    host.done(1, null, '{"a":1}', null)
    host.done(2, null, null, data)
    host.done(3, null, '{"records":[]}', data)
    host.done(4, null, null, null)
    expect(all).toEqual([
      ['done', 1, undefined, { a: 1 }, []],
      ['done', 2, undefined, data, [data.buffer]],
      ['done', 3, undefined, { records: [], data }, [data.buffer]],
      ['done', 4, undefined, undefined, []],
    ])
  })

  it('are problems, events and the end of the start', () => {
    const { all, host } = heard()
    host.done(1, '{"kind":"refused","detail":"no"}', null, null)
    host.changed('{"type":"visit","id":"a"}')
    host.failed('{"kind":"invalid","detail":"pins"}')
    expect(all).toEqual([
      ['done', 1, { kind: 'refused', detail: 'no' }, undefined, []],
      ['changed', { type: 'visit', id: 'a' }],
      ['failed', { kind: 'invalid', detail: 'pins' }],
    ])
  })
})
