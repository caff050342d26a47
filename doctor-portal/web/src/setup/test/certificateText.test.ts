import { expect, it } from 'vitest'
import { certificateText } from '../certificateText.ts'

const jwt = 'eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ4In0.c2ln-_A'

it.each([jwt, `  ${jwt}\n`, jwt.replace('.', '.\n'), `"${jwt}"`, `{"certificate":"${jwt}"}`, `{ "certificate": " ${jwt} " }\n`])('takes %j', (s) => {
  expect(certificateText(s)).toBe(jwt)
})

it.each(['', 'hello', 'a.b', 'a.b.c.d', '{"certificate":5}', '{"jwt":"x"}', 'null', `${jwt}=`, '<html>a.b.c</html>'])('takes no %j', (s) => {
  expect(certificateText(s)).toBeUndefined()
})
