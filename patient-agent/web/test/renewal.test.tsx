import { setLanguage } from '@medunion/ui'
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { expect, test } from 'vitest'
import { put } from '../src/api/store.ts'
import type { Identity } from '../src/api/types.ts'
import { Renewal } from '../src/screens/home.tsx'

const identity = (renewal?: Identity['renewal']): Identity => ({
  id: 'a1'.repeat(16), credential: 'b2'.repeat(32), suite: 1, verification: 'passkey', notAfter: '2027-03-09T12:00:00Z', renewal,
})

const shown = (i: Identity) => {
  const at = document.createElement('div')
  act(() => {
    put('identity', i)
    render(<Renewal />, at)
  })
  return at.textContent ?? ''
}

test('a renewal is spoken of only if she must know of it, in both languages, with its day', () => {
  setLanguage('en')
  expect(shown(identity())).toBe('')
  expect(shown(identity('late'))).toMatch(/ends soon.*9 Mar 2027/)
  expect(shown(identity('ended'))).toMatch(/has ended.*9 Mar 2027.*new code/)
  expect(shown(identity('elsewhere'))).toMatch(/Someone else.*lost device/)
  setLanguage('es')
  expect(shown(identity('late'))).toMatch(/termina pronto.*9 mar 2027/)
  expect(shown(identity('elsewhere'))).toMatch(/Otra persona/)
  setLanguage('en')
})
