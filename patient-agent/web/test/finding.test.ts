import { expect, test } from 'vitest'
import { bytesOf, findingOf, savedAs } from '../src/logic/finding.ts'

const entry = (...resources: object[]) => ({ resourceType: 'Bundle', entry: resources.map((resource) => ({ resource })) })
const code = { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'I10', display: 'Essential hypertension' }], text: 'High blood pressure' }

test('report and condition become one finding, nothing said twice', () => {
  const f = findingOf(
    entry(
      { resourceType: 'DiagnosticReport', conclusion: 'High blood pressure', conclusionCode: [code], presentedForm: [{ title: 'plan.pdf', contentType: 'application/pdf', data: 'AQID' }] },
      { resourceType: 'Condition', code, note: [{ text: 'Measure at home.' }, { text: 'Measure at home.' }] },
    ),
  )
  expect(f.title).toBe('High blood pressure')
  expect(f.code?.code).toBe('I10')
  expect(f.notes).toEqual(['Measure at home.'])
  expect([...bytesOf(f.attachments[0]!)!]).toEqual([1, 2, 3])
})

test('a conclusion beside the code’s text is kept as a note', () => {
  const f = findingOf(entry({ resourceType: 'DiagnosticReport', conclusion: 'Because of salt.', conclusionCode: [code] }))
  expect(f).toMatchObject({ title: 'High blood pressure', notes: ['Because of salt.'] })
})

test('what is not known is named, what is broken does no harm', () => {
  expect(findingOf(entry({ resourceType: 'CarePlan' })).others).toEqual(['CarePlan'])
  for (const odd of [null, 1, 'x', [], { entry: 'x' }, { entry: [null, { resource: 7 }] }, { resourceType: 'Condition', code: { coding: 'x' }, note: {} }]) {
    expect(findingOf(odd).title).toBeUndefined()
  }
  expect(bytesOf({ type: 'text/plain', data: '***' })).toBeUndefined()
})

test('a file is saved under a type that nothing runs', () => {
  const of = (type: string) => savedAs({ type, data: '' })
  expect(['application/pdf', 'IMAGE/PNG'].map(of)).toEqual(['application/pdf', 'IMAGE/PNG'])
  for (const bad of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/xml', 'text/javascript', '']) expect(of(bad)).toBe('application/octet-stream')
})
