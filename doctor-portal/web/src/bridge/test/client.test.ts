import { describe, expect, it } from 'vitest'
import { connect, type Port } from '../client.ts'
import type { PageConfig, PracticeEvent } from '../practice.d.ts'
import type { Call, Report } from '../protocol.ts'

const config: PageConfig = {
  origin: 'https://portal.example', pins: { cloud: 'cloud', pk: '', puk_c: '' }, authority: { name: 'board', jwks: {} }, idleMinutes: 15, version: '1',
}

/** The other side of a client: it keeps the calls and says what it is told to. */
class Wire implements Port {
  onmessage: Port['onmessage'] = null
  onerror: Port['onerror'] = null
  onmessageerror: Port['onmessageerror'] = null
  calls: Call[] = []
  terminated = 0
  postMessage(m: unknown) {
    this.calls.push(structuredClone(m) as Call)
  }
  terminate() {
    this.terminated++
  }
  say(r: Report) {
    this.onmessage?.call(this as unknown as Worker, { data: r } as MessageEvent)
  }
  fail(message: string) {
    this.onerror?.call(this as unknown as Worker, { message, preventDefault() {} } as ErrorEvent)
  }
}

async function connected() {
  const wire = new Wire()
  const opening = connect(wire, () => {})
  wire.say({ type: 'ready', config })
  return { wire, client: await opening }
}

describe('client', () => {
  it('tells how far the loading has come, and then has the configuration', async () => {
    const wire = new Wire()
    const seen: number[] = []
    const opening = connect(wire, (l) => seen.push(l.loaded))
    wire.say({ type: 'loading', loading: { loaded: 0, total: 10 } })
    wire.say({ type: 'loading', loading: { loaded: 10, total: 10 } })
    wire.say({ type: 'ready', config })
    expect((await opening).config).toEqual(config)
    expect(seen).toEqual([0, 10])
  })

  it('rejects when the Worker cannot start, and ends it', async () => {
    const wire = new Wire()
    const opening = connect(wire, () => {})
    wire.say({ type: 'failed', problem: { kind: 'conflict', code: 'other-tab', detail: 'elsewhere' } })
    await expect(opening).rejects.toMatchObject({ code: 'other-tab' })
    expect(wire.terminated).toBe(1)
  })

  it('rejects when the script of the Worker cannot be loaded', async () => {
    const wire = new Wire()
    const opening = connect(wire, () => {})
    wire.fail('')
    await expect(opening).rejects.toMatchObject({ kind: 'internal', code: 'worker-gone' })
  })

  it('joins each answer with its call', async () => {
    const { wire, client } = await connected()
    const first = client.visit('a')
    const second = client.visits()
    expect(wire.calls).toEqual([{ id: 1, method: 'visit', args: ['a'] }, { id: 2, method: 'visits', args: [] }])
    wire.say({ type: 'done', id: 2, value: [] })
    wire.say({ type: 'done', id: 1, problem: { kind: 'notFound', detail: 'There is no such visit.' } })
    await expect(second).resolves.toEqual([])
    await expect(first).rejects.toEqual({ kind: 'notFound', detail: 'There is no such visit.' })
  })

  it('passes events to whoever listens', async () => {
    const { wire, client } = await connected()
    const seen: PracticeEvent[] = []
    const stop = client.subscribe((e) => seen.push(e))
    wire.say({ type: 'event', event: { type: 'visit', id: 'a' } })
    stop()
    wire.say({ type: 'event', event: { type: 'visits' } })
    expect(seen).toEqual([{ type: 'visit', id: 'a' }])
  })

  it('locks: it waits for the keys to be erased and then ends the Worker', async () => {
    const { wire, client } = await connected()
    const other = client.visits()
    const locking = client.lock()
    expect(wire.terminated).toBe(0)
    wire.say({ type: 'done', id: 2 })
    await locking
    expect(wire.terminated).toBe(1)
    await expect(other).rejects.toMatchObject({ code: 'worker-gone' })
    await expect(client.status()).rejects.toMatchObject({ code: 'worker-gone' })
    await client.lock() // again: nothing is left to lock
    expect(wire.calls.map((c) => c.method)).toEqual(['visits', 'lock'])
  })

  it('ends the Worker even when locking fails, and says so', async () => {
    const { wire, client } = await connected()
    const locking = client.lock()
    wire.say({ type: 'done', id: 1, problem: { kind: 'internal', detail: 'x' } })
    await expect(locking).rejects.toMatchObject({ kind: 'internal' })
    expect(wire.terminated).toBe(1)
  })

  it('tells every call when the program stops by a fault', async () => {
    const { wire, client } = await connected()
    const calls = [client.visits(), client.doctor()]
    wire.say({ type: 'failed', problem: { kind: 'internal', code: 'worker-gone', detail: 'stopped' } })
    for (const c of calls) await expect(c).rejects.toMatchObject({ detail: 'stopped' })
    wire.say({ type: 'event', event: { type: 'visits' } })
    expect(wire.terminated).toBe(1)
  })

  it('keeps no call that cannot be passed', async () => {
    const { client } = await connected()
    await expect(client.setCertificate((() => {}) as unknown as string)).rejects.toThrow()
  })
})
