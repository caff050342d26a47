/**
 * What the agent's opening link carries: `http://localhost:PORT/#<token>`. A route begins with a slash,
 * a token never does.
 */
export function tokenIn(hash: string): string | undefined {
  const fragment = hash.startsWith('#') ? hash.slice(1) : hash
  return /^[A-Za-z0-9_-]{16,512}$/.test(fragment) ? fragment : undefined
}

/** Takes the token out of the address and of the history, before anything else can read it there. */
export function takeToken(w: Pick<Window, 'location' | 'history'>): string | undefined {
  const token = tokenIn(w.location.hash)
  if (token !== undefined) w.history.replaceState(null, '', w.location.pathname + w.location.search)
  return token
}
