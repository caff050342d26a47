import { useEffect, useState } from 'preact/hooks'

/** Where the page is, by the part of its address behind #. It never reaches a server. */
export interface Route {
  /** Starts with /, without the query. */
  path: string
  segments: string[]
  query: URLSearchParams
}

/** Reads the fragment of an address. What is not a path (a link's token, say) is the start page. */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#/, '')
  const [before, query = ''] = text.startsWith('/') ? splitOnce(text, '?') : ['/']
  const segments = before.split('/').filter(Boolean).map(decode)
  return { path: `/${segments.map(encodeURIComponent).join('/')}`, segments, query: new URLSearchParams(query) }
}

function splitOnce(text: string, at: string): [string, string?] {
  const i = text.indexOf(at)
  return i < 0 ? [text] : [text.slice(0, i), text.slice(i + 1)]
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The params of a path that fits a pattern such as /visits/:id, else undefined. */
export function matchRoute<P extends string>(pattern: P, route: Pick<Route, 'segments'>): RouteParams<P> | undefined {
  const wanted = pattern.split('/').filter(Boolean)
  if (wanted.length !== route.segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, w] of wanted.entries()) {
    const s = route.segments[i]!
    if (w.startsWith(':')) params[w.slice(1)] = s
    else if (w !== s) return undefined
  }
  return params as RouteParams<P>
}

export type RouteParams<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? { [K in Name]: string } & RouteParams<Rest>
  : P extends `${string}:${infer Name}`
    ? { [K in Name]: string }
    : unknown

/** A link to a path: href('/visits', id, { tab: 'results' }). Segments are encoded. */
export function href(path: string, ...rest: (string | Record<string, string>)[]): string {
  const more = rest.filter((r) => typeof r === 'string').map((s) => `/${encodeURIComponent(s)}`)
  const query = rest.filter((r) => typeof r === 'object').map((q) => `?${new URLSearchParams(q)}`)
  return `#${path.replace(/\/$/, '')}${more.join('')}${query.join('')}`
}

/** Goes to a path; with replace, the way back skips this page. */
export function go(to: string, options: { replace?: boolean } = {}) {
  const hash = to.startsWith('#') ? to : `#${to}`
  if (options.replace) location.replace(hash)
  else location.hash = hash
}

/** The route, rendering again when it changes. */
export function useRoute(): Route {
  const [hash, setHash] = useState(() => location.hash)
  useEffect(() => {
    const changed = () => setHash(location.hash)
    addEventListener('hashchange', changed)
    changed()
    return () => removeEventListener('hashchange', changed)
  }, [])
  return parseRoute(hash)
}

/**
 * Tells a screen's name: the document's title, and after a change of the path
 * the focus at the top of the content, where a screen reader then reads on.
 */
export function useTitle(title: string, site = 'medunion') {
  useEffect(() => {
    document.title = title ? `${title} · ${site}` : site
  }, [title, site])
  useEffect(() => {
    const { path } = parseRoute(location.hash)
    if (lastPath !== undefined && lastPath !== path) {
      document.getElementById('content')?.focus({ preventScroll: true })
      scrollTo?.(0, 0)
    }
    lastPath = path
  }, [])
}

let lastPath: string | undefined
