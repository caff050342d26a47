import type { Loading, PageConfig, Practice, PracticeEvent, Problem } from './practice.d.ts'
import { methods, problem, type Call, type Method, type Report } from './protocol.ts'

/** The doctor's role in its Worker. */
export interface PracticeClient extends Practice {
  /** What the portal told at the start. */
  readonly config: PageConfig
  /** Calls f for each event until the function that it returns is called. */
  subscribe(f: (e: PracticeEvent) => void): () => void
  /** Ends the Worker at once: its memory is gone. Calls under way reject. */
  terminate(): void
}

/** A Worker as the client uses it. */
export type Port = Pick<Worker, 'postMessage' | 'terminate' | 'onmessage' | 'onerror' | 'onmessageerror'>

const gone = () => problem('conflict', 'worker-gone', 'The keys are locked: their program has ended.')

interface Waiting {
  resolve: (value: unknown) => void
  reject: (p: Problem) => void
}

/** Calls under way, events, and the end of the Worker. */
class Connection {
  private readonly waiting = new Map<number, Waiting>()
  private readonly listeners = new Set<(e: PracticeEvent) => void>()
  private last = 0
  private ended = false

  constructor(private readonly port: Port, private readonly started: Waiting, private readonly progress: (l: Loading) => void) {
    port.onmessage = (m: MessageEvent<Report>) => this.heard(m.data)
    port.onerror = (e) => {
      e.preventDefault()
      this.end(problem('internal', 'worker-gone', `The program of the keys failed: ${e.message || 'it could not be loaded'}.`))
    }
    port.onmessageerror = () => this.end(gone())
  }

  call(method: Method, args: unknown[]): Promise<unknown> {
    if (this.ended) return Promise.reject(gone())
    const id = ++this.last
    return new Promise((resolve, reject) => {
      this.port.postMessage({ id, method, args } satisfies Call) // throws for what cannot be passed
      this.waiting.set(id, { resolve, reject })
    })
  }

  subscribe(f: (e: PracticeEvent) => void) {
    this.listeners.add(f)
    return () => void this.listeners.delete(f)
  }

  /** Ends the Worker; whoever waits learns why. */
  end(why: Problem) {
    if (this.ended) return
    this.ended = true
    this.port.terminate()
    this.started.reject(why)
    for (const w of this.waiting.values()) w.reject(why)
    this.waiting.clear()
  }

  private heard(r: Report) {
    if (this.ended) return
    switch (r.type) {
      case 'loading':
        return this.progress(r.loading)
      case 'ready':
        return this.started.resolve(r.config)
      case 'failed':
        return this.end(r.problem)
      case 'event':
        return this.listeners.forEach((f) => f(r.event))
      case 'done':
        return this.done(r)
    }
  }

  private done(r: Extract<Report, { type: 'done' }>) {
    const w = this.waiting.get(r.id)
    this.waiting.delete(r.id)
    if (r.problem) w?.reject(r.problem)
    else w?.resolve(r.value)
  }
}

/**
 * Spawns the Worker, which loads the portal's configuration and the program of the
 * doctor's role, and takes the store for this tab. Rejects with a Problem whose code
 * is a BridgeCode; the Worker is then gone.
 *
 * @param progress is told how far the loading has come.
 */
export async function openPractice(progress: (l: Loading) => void = () => {}): Promise<PracticeClient> {
  if (!globalThis.isSecureContext || !('locks' in navigator) || !('indexedDB' in globalThis) || typeof WebAssembly !== 'object') {
    throw problem('unavailable', 'browser-lacks', 'This browser, or this address, does not offer what keys need: WebAssembly, Web Locks and IndexedDB on https or localhost.')
  }
  return connect(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'medunion practice' }), progress)
}

/** Makes the client of a Worker that has just been spawned. */
export async function connect(port: Port, progress: (l: Loading) => void): Promise<PracticeClient> {
  let connection!: Connection
  const config = await new Promise<unknown>((resolve, reject) => {
    connection = new Connection(port, { resolve, reject }, progress)
  })
  const calls = Object.fromEntries(methods.map((m) => [m, (...args: unknown[]) => connection.call(m, args)]))
  return {
    ...(calls as unknown as Practice),
    config: config as PageConfig,
    subscribe: (f) => connection.subscribe(f),
    terminate: () => connection.end(gone()),
    async lock() {
      try {
        await connection.call('lock', [])
      } catch (e) {
        if ((e as Problem).code !== 'worker-gone') throw e // whoever ended it has locked it
      } finally {
        connection.end(gone())
      }
    },
  }
}
