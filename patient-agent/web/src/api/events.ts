/** What the agent's event stream tells of. */
export type Topic = 'status' | 'visits' | 'consents'
const topics: readonly Topic[] = ['status', 'visits', 'consents']

type Source = Pick<EventSource, 'addEventListener' | 'close' | 'readyState'>

interface World {
  source: (url: string) => Source
  later: (f: () => void, millis: number) => () => void
}

const browser: World = {
  source: (url) => new EventSource(url),
  later: (f, millis) => {
    const t = setTimeout(f, millis)
    return () => clearTimeout(t)
  },
}

/** Waits longer each time, up to half a minute. */
export function pause(attempt: number): number {
  return Math.min(30_000, 1000 * 2 ** Math.min(attempt, 5))
}

const closed = 2

/**
 * Follows the agent's events until the returned function is called. The browser reconnects a stream that
 * breaks; one that it gave up, after a refusal or a restart, is opened anew. The agent sends every topic
 * once at the beginning of a stream, so nothing is missed in between. `connected` tells of each change.
 */
export function follow(changed: (t: Topic) => void, connected: (yes: boolean) => void, world: World = browser): () => void {
  let stop = () => {}
  let attempt = 0
  const open = () => {
    const s = world.source('/v1/events')
    stop = () => s.close()
    s.addEventListener('open', () => {
      attempt = 0
      connected(true)
    })
    s.addEventListener('error', () => {
      connected(false)
      if (s.readyState === closed) stop = world.later(open, pause(attempt++))
    })
    for (const t of topics) s.addEventListener(t, () => changed(t))
  }
  open()
  return () => stop()
}
