import type { PracticeEvent, Problem } from './practice.d.ts'

/** An answer of the portal, its body read chunk by chunk. */
export interface Answer {
  status: number
  /** The next chunk, or null at the end. */
  next(): Promise<Uint8Array | null>
}

/** Files by name, each written whole or not at all. */
export interface Files {
  read(name: string): Promise<Uint8Array | null>
  replace(name: string, content: Uint8Array<ArrayBuffer>): Promise<void>
  remove(name: string): Promise<void>
  list(): Promise<string[]>
}

/** Starts a call in the Go program: its number, a method, and its arguments as a JSON list. */
export type Start = (id: number, method: string, args: string) => void

/**
 * What the Go program finds as globalThis.medunion (doctor-portal/wasm). Structured
 * values pass as JSON texts, bytes as Uint8Array.
 */
export interface Host {
  /** PageConfig, as the portal wrote it. */
  readonly config: string
  exchange(method: string, path: string, header: Record<string, string>, body: Uint8Array<ArrayBuffer> | null, signal: AbortSignal): Promise<Answer>
  readonly files: Files
  ready(start: Start): void
  failed(problem: string): void
  changed(event: string): void
  done(id: number, problem: string | null, value: string | null, data: Uint8Array<ArrayBuffer> | null): void
}

/** What a Host tells of the Go program, in the types of the page. */
export interface Heard {
  ready(start: Start): void
  failed(p: Problem): void
  changed(e: PracticeEvent): void
  done(id: number, problem: Problem | undefined, value: unknown, transfer: ArrayBuffer[]): void
}

/** Makes a Host that parses what the program says. */
export function newHost(config: string, exchange: Host['exchange'], files: Files, heard: Heard): Host {
  return {
    config,
    exchange,
    files,
    ready: (start) => heard.ready(start),
    failed: (p) => heard.failed(JSON.parse(p) as Problem),
    changed: (e) => heard.changed(JSON.parse(e) as PracticeEvent),
    done(id, p, value, data) {
      if (p !== null) return heard.done(id, JSON.parse(p) as Problem, undefined, [])
      const parsed: unknown = value === null ? undefined : JSON.parse(value)
      if (data === null) return heard.done(id, undefined, parsed, [])
      heard.done(id, undefined, parsed === undefined ? data : { ...(parsed as object), data }, [data.buffer])
    },
  }
}

/** The arguments of a call as the Go program reads them: bytes in base64, undefined left out. */
export function encodeArgs(args: unknown[]): string {
  const given = [...args]
  while (given.length > 0 && given.at(-1) === undefined) given.pop()
  return JSON.stringify(given, (_, v: unknown) => (v instanceof Uint8Array ? base64(v) : v))
}

function base64(b: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < b.length; i += 0x8000) binary += String.fromCharCode(...b.subarray(i, i + 0x8000))
  return btoa(binary)
}
