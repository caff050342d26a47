// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { shown } from '../bundle.ts'
import { check, emptyDraft, isEmpty, limits, toDraft } from '../draft.ts'

const code = { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'I10', display: 'Essential (primary) hypertension' }

describe('draft', () => {
  it('needs a code or words', () => {
    expect(check(emptyDraft)).toEqual([{ field: 'text', why: 'needed' }])
    expect(check({ ...emptyDraft, note: 'only a note' })).toEqual([{ field: 'text', why: 'needed' }])
    expect(check({ ...emptyDraft, code })).toEqual([])
    expect(check({ ...emptyDraft, text: 'Flu' })).toEqual([])
  })

  it('keeps within the bounds, counted in characters', () => {
    expect(check({ ...emptyDraft, text: '👩'.repeat(limits.text) })).toEqual([])
    expect(check({ ...emptyDraft, text: 'x'.repeat(limits.text + 1) })).toEqual([{ field: 'text', why: 'tooLong' }])
    const attachment = new File([new Uint8Array(limits.attachment + 1)], 'scan.pdf')
    expect(check({ ...emptyDraft, code, attachment })).toEqual([{ field: 'attachment', why: 'tooLarge' }])
  })

  it('leaves out what is empty and trims the rest', async () => {
    expect(await toDraft({ ...emptyDraft, text: '  Flu ', note: ' \n' })).toEqual({ text: 'Flu' })
    expect(isEmpty({ ...emptyDraft, text: ' ' })).toBe(true)
    expect(isEmpty({ ...emptyDraft, code })).toBe(false)
  })

  it('takes an attachment byte for byte', async () => {
    const d = await toDraft({ ...emptyDraft, code, attachment: new File([new Uint8Array([0, 255, 7])], 'a.bin') })
    expect(d).toEqual({ code, attachment: { name: 'a.bin', type: 'application/octet-stream', data: new Uint8Array([0, 255, 7]) } })
  })
})

describe('shown', () => {
  const bundle = (...resources: unknown[]) => JSON.stringify({ resourceType: 'Bundle', entry: resources.map((resource) => ({ resource })) })

  it('reads what will be signed out of the bundle itself', () => {
    const s = shown(bundle(
      { resourceType: 'DiagnosticReport' },
      { resourceType: 'Condition', code: { coding: [code], text: 'High blood pressure' }, note: [{ text: 'Measure at home.' }] },
      { resourceType: 'DocumentReference', content: [{ attachment: { title: 'plan.pdf', size: 13, data: 'x'.repeat(300) } }] },
    ))
    expect(s).toMatchObject({ code: { code: 'I10', display: code.display }, text: 'High blood pressure', note: 'Measure at home.', attachment: { title: 'plan.pdf', size: 13 } })
    expect(s.pretty).toContain('(300)')
    expect(s.pretty.length).toBeLessThan(1500)
  })

  it('shows no part that is not there', () => {
    const s = shown(bundle({ resourceType: 'Condition', code: { text: 'Flu' } }))
    expect(s).toMatchObject({ code: undefined, text: 'Flu', note: undefined, attachment: undefined })
  })
})
