// @vitest-environment jsdom
import { beforeEach, expect, test } from 'vitest'
import { go, href, matchRoute, parseRoute, useRoute, useTitle } from '../src/route.ts'
import { does, show } from './dom.tsx'

beforeEach(() => {
  location.hash = ''
})

test('reads path and query', () => {
  const r = parseRoute('#/visits/a%2Fb?tab=results&x=1')
  expect(r.segments).toEqual(['visits', 'a/b'])
  expect(r.path).toBe('/visits/a%2Fb')
  expect(r.query.get('tab')).toBe('results')
})

test('what is no path is the start page', () => {
  for (const hash of ['', '#', '#token-abc', '#?x=/y']) expect(parseRoute(hash).path).toBe('/')
  expect(parseRoute('#/%E0%A4%A').segments).toEqual(['%E0%A4%A'])
})

test('matches patterns and gives their params', () => {
  const r = parseRoute('#/visits/7/records')
  expect(matchRoute('/visits/:id/records', r)).toEqual({ id: '7' })
  expect(matchRoute('/visits/:id', r)).toBeUndefined()
  expect(matchRoute('/other/:id/records', r)).toBeUndefined()
})

test('a link leads back to what it was made of', () => {
  const link = href('/visits', 'a/b?', { tab: 'x&y' })
  const r = parseRoute(link)
  expect(matchRoute('/visits/:id', r)).toEqual({ id: 'a/b?' })
  expect(r.query.get('tab')).toBe('x&y')
})

test('renders the new route, names it and moves the focus to the content', async () => {
  function Screen({ name }: { name: string }) {
    useTitle(name)
    return <h1>{name}</h1>
  }
  function App() {
    const { path } = useRoute()
    return <main id="content" tabIndex={-1}><Screen key={path} name={path} /></main>
  }
  const root = await show(<App />)
  expect(root.textContent).toBe('/')
  expect(document.activeElement).toBe(document.body)
  await does(async () => {
    go('/next')
    await new Promise((r) => addEventListener('hashchange', r, { once: true }))
  })
  expect(root.textContent).toBe('/next')
  expect(document.title).toBe('/next · medunion')
  expect(document.activeElement?.id).toBe('content')
})
