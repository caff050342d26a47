import { afterEach, expect, test, vi } from 'vitest'
import { agent, onReachable, Problem } from '../src/api/client.ts'
import { words } from '../src/parts/trouble.tsx'

afterEach(() => vi.unstubAllGlobals())

const answer = (status: number, body: unknown, type = 'application/problem+json') =>
  vi.stubGlobal('fetch', async () => new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { 'Content-Type': type } }))

const failure = (p: Promise<unknown>) => p.then(() => expect.unreachable(), (e: unknown) => e as Problem)

test('a problem keeps its kind, code and sentence', async () => {
  answer(400, { type: 'urn:medunion:problem:invalid', title: '', status: 400, detail: 'The passphrase is wrong.', code: 'wrong-passphrase' })
  const p = await failure(agent.unlock({ passphrase: 'x' }))
  expect(p).toMatchObject({ kind: 'invalid', code: 'wrong-passphrase', detail: '400: The passphrase is wrong.' })
  expect(words(p).title).toBe('Not the right sentence')
})

test('a code without words, and an answer without a problem, are still said', async () => {
  answer(409, { type: 'urn:medunion:problem:conflict', detail: 'x', code: 'never-heard-of' })
  expect(words(await failure(agent.status())).title).toBe('That does not fit now')
  answer(502, 'nonsense')
  expect(words(await failure(agent.status())).title).toBe('Something went wrong')
  answer(401, {})
  expect((await failure(agent.status())).kind).toBe('unauthenticated')
})

test('an agent that does not answer is told from one that refuses', async () => {
  const seen: boolean[] = []
  const stop = onReachable((yes) => seen.push(yes))
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('failed to fetch')))
  expect((await failure(agent.status())).kind).toBe('gone')
  answer(204, undefined)
  await agent.lock()
  stop()
  expect(seen).toEqual([false, true])
})

test('identifiers are escaped in addresses', async () => {
  const asked: string[] = []
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    return new Response('{"uses":[]}')
  })
  await agent.uses('../x?y')
  expect(asked).toEqual(['/v1/consents/..%2Fx%3Fy/uses'])
})

test('the key of the page session goes with each call, and survives a reload', async () => {
  const sent: (string | null)[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    sent.push(new Headers(init.headers).get('Page-Key'))
    return url === '/v1/page-sessions' ? new Response(null, { status: 204, headers: { 'Page-Key': 'k' } }) : new Response('{}')
  })
  await agent.openPage('token')
  await agent.status()
  vi.resetModules()
  const reloaded = await import('../src/api/client.ts')
  await reloaded.agent.status()
  localStorage.setItem('medunion.page', 'of another tab')
  await reloaded.agent.status()
  localStorage.clear()
  expect(sent).toEqual([null, 'k', 'k', 'of another tab'])
})
