import type { Loading, PageConfig } from './practice.d.ts'
import { problem } from './protocol.ts'

/** Names the length of a compressed answer when it is decoded (api/httpserver, DecodedLength). */
const decodedLength = 'Decoded-Length'

/** Fetches what the portal tells at the start. Its text goes to the program unchanged. */
export async function loadConfig(): Promise<{ text: string; config: PageConfig }> {
  const text = await (await get('/config.json', { cache: 'no-store' })).text()
  const config = JSON.parse(text) as PageConfig
  if (config.origin !== location.origin) {
    throw problem('conflict', 'other-address', `This portal is used at ${config.origin}, and this page was opened at ${location.origin}.`)
  }
  return { text, config }
}

/**
 * Compiles the program while it comes. The answer itself goes to the compiler, which
 * may then keep what it compiled for the next time; a copy of the stream is counted.
 */
export async function loadProgram(url: string, imports: WebAssembly.Imports, progress: (l: Loading) => void): Promise<WebAssembly.Instance> {
  const answer = await get(url)
  const counted = count(answer.clone(), progress)
  const [{ instance }] = await Promise.all([instantiate(answer, imports), counted])
  return instance
}

async function instantiate(answer: Response, imports: WebAssembly.Imports): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
  if (typeof WebAssembly.instantiateStreaming === 'function' && answer.headers.get('Content-Type') === 'application/wasm') {
    return WebAssembly.instantiateStreaming(answer, imports)
  }
  return WebAssembly.instantiate(await answer.arrayBuffer(), imports)
}

async function count(answer: Response, progress: (l: Loading) => void) {
  const total = Number(answer.headers.get(decodedLength) ?? answer.headers.get('Content-Length') ?? 0)
  const reader = answer.body?.getReader()
  for (let loaded = 0; ;) {
    progress({ loaded, total })
    const part = await reader?.read()
    if (!part?.value) return
    loaded += part.value.length
  }
}

async function get(url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, { ...init, credentials: 'omit', redirect: 'error' })
  if (!answer.ok) throw problem('unavailable', 'not-loaded', `The portal answered ${answer.status} when the page loaded.`)
  return answer
}
