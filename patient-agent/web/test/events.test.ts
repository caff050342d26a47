import { expect, test } from 'vitest'
import { follow, pause, type Topic } from '../src/api/events.ts'

class Source extends EventTarget {
  readyState = 1
  closed = false
  close() {
    this.closed = true
    this.readyState = 2
  }
}

function world() {
  const sources: Source[] = []
  const waiting: { f: () => void; millis: number }[] = []
  return {
    sources,
    waiting,
    source: () => {
      const s = new Source()
      sources.push(s)
      return s as unknown as EventSource
    },
    later: (f: () => void, millis: number) => {
      const w = { f, millis }
      waiting.push(w)
      return () => void waiting.splice(waiting.indexOf(w), 1)
    },
  }
}

test('topics are passed on, a stream that was given up is opened anew and later each time', () => {
  const w = world()
  const topics: Topic[] = []
  const states: boolean[] = []
  const stop = follow((t) => topics.push(t), (yes) => states.push(yes), w)
  const [first] = w.sources
  first!.dispatchEvent(new Event('open'))
  first!.dispatchEvent(new Event('visits'))
  first!.readyState = 0 // the browser reconnects by itself
  first!.dispatchEvent(new Event('error'))
  expect(w.waiting).toHaveLength(0)
  first!.readyState = 2
  first!.dispatchEvent(new Event('error'))
  expect(w.waiting.map((x) => x.millis)).toEqual([1000])
  w.waiting.shift()!.f()
  w.sources[1]!.readyState = 2
  w.sources[1]!.dispatchEvent(new Event('error'))
  expect(w.waiting.map((x) => x.millis)).toEqual([2000])
  expect(topics).toEqual(['visits'])
  expect(states).toEqual([true, false, false, false])
  stop()
  expect(w.waiting).toHaveLength(0)
})

test('stopping closes the stream', () => {
  const w = world()
  follow(() => {}, () => {}, w)()
  expect(w.sources[0]!.closed).toBe(true)
})

test('the pauses are bounded', () => {
  expect([0, 1, 4, 5, 50].map(pause)).toEqual([1000, 2000, 16_000, 30_000, 30_000])
})
