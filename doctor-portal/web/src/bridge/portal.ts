import type { Host } from './host.ts'

/**
 * Exchanges with the portal at an origin, and with nobody else: no redirect is
 * followed, no cookie sent, nothing kept in the browser's cache. It rejects as fetch
 * does; the signal ends the body too.
 */
export function portalAt(origin: string): Host['exchange'] {
  return async (method, path, header, body, signal) => {
    if (!path.startsWith('/') || path.startsWith('//')) throw new TypeError('not a path')
    const answer = await fetch(origin + path, {
      method, headers: header, body, signal,
      redirect: 'error', credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', mode: 'same-origin',
    })
    const reader = answer.body?.getReader()
    return {
      status: answer.status,
      async next() {
        const part = await reader?.read()
        return part?.value ?? null
      },
    }
  }
}
