import { codeOf, concept, concepts } from '../fhir/codes'
import { span, timing, when, type When } from '../fhir/dates'
import { digits, num, obj, objs, str, strs, type Obj } from '../fhir/json'
import { addressLine, nameOf, ref, refs, type Ref } from '../fhir/names'
import type { Group, Plain } from '../types'
import { firstConcept, words, type Found, type Reader } from './common'

type Line = Plain['lines'][number]

/** Lines of one label; what is absent gives none. */
function lines(label: string, ...texts: readonly (string | Ref | undefined)[]): Line[] {
  return texts.filter((t): t is string | Ref => t !== undefined).map((text) => ({ label, text }))
}

function plain(o: Obj, group: Group, found: Omit<Found, 'group' | 'facts'>, ...all: readonly Line[][]): Found {
  return { group, ...found, title: found.title ?? nameOf(o), facts: { kind: 'plain', lines: all.flat() } }
}

function texts(v: unknown): readonly string[] {
  return concepts(v).map((c) => c.text)
}

export const carePlan: Reader = (o) => {
  const period = span(o['period'])
  const status = str(o['status'])
  const activities = objs(o['activity']).map((a) => {
    const d = obj(a['detail'])
    return words(d?.['code']) ?? str(d?.['description']) ?? ref(a['reference'])
  })
  return plain(
    o, 'plan',
    { title: str(o['title']) ?? words(o['category']) ?? str(o['description']), concept: firstConcept(o['category']), when: period?.start ?? when(o['created']), until: period?.end, active: status === 'active' },
    lines('activity', ...activities), lines('reason', ...refs(o['addresses'])), lines('goal', ...refs(o['goal'])), lines('description', str(o['description'])),
  )
}

export const goal: Reader = (o) => {
  const targets = objs(o['target']).map((t) => {
    const q = obj(t['detailQuantity'])
    const wanted = q ? [str(q['comparator']), digits(q['value']), str(q['unit'])].filter((x) => x !== undefined).join(' ') : words(t['detailCodeableConcept']) ?? str(t['detailString'])
    return [words(t['measure']), wanted].filter(Boolean).join(': ') || undefined
  })
  return plain(
    o, 'plan',
    { title: words(o['description']), concept: concept(o['description']), when: when(o['startDate']) ?? when(o['statusDate']), status: str(o['lifecycleStatus']), active: ['active', 'accepted', 'planned', 'proposed'].includes(str(o['lifecycleStatus']) ?? ''), wrong: o['lifecycleStatus'] === 'entered-in-error' },
    lines('target', ...targets), lines('achieved', words(o['achievementStatus'])), lines('reason', ...refs(o['addresses'])),
  )
}

function money(v: unknown): string | undefined {
  const o = obj(v)
  const n = num(o?.['value'])
  if (n === undefined) return undefined
  return `${n.toFixed(2)} ${str(o?.['currency']) ?? ''}`.trim()
}

/** Claims, explanations of benefit and the like: what was billed, and how much. */
export const claim: Reader = (o) => {
  const items = objs(o['item']).flatMap((i) => texts(i['productOrService']))
  const period = span(o['billablePeriod'])
  const total = money(o['total']) ?? objs(o['total']).map((t) => money(t['amount'])).find(Boolean) ?? money(obj(o['payment'])?.['amount'])
  return plain(
    o, 'claim',
    { title: items[0], when: period?.start ?? when(o['created']), until: period?.end },
    lines('billed', ...new Set(items.slice(1))), lines('total', total), lines('sort', codeOf(o['type'])),
    lines('insurance', ...objs(o['insurance']).flatMap((i) => refs(i['coverage'])).filter((r) => r.words)),
  )
}

export const organisation: Reader = (o) =>
  plain(o, 'people', { title: nameOf(o), concept: firstConcept(o['type']) }, lines('sort', ...texts(o['type'])), lines('address', ...objs(o['address']).map(addressLine), addressLine(o['address'])).slice(0, 1),
    lines('contact', ...objs(o['telecom']).map((t) => str(t['value']))))

export const device: Reader = (o) =>
  plain(
    o, 'device',
    { title: str(objs(o['deviceName'])[0]?.['name']) ?? words(o['type']) ?? str(o['modelNumber']), concept: concept(o['type']), when: when(o['manufactureDate']), active: o['status'] === 'active' },
    lines('maker', str(o['manufacturer'])), lines('model', str(o['modelNumber'])), lines('serial', str(o['serialNumber'])), lines('lot', str(o['lotNumber'])),
    lines('expires', str(o['expirationDate'])),
  )

export const family: Reader = (o) =>
  plain(
    o, 'social',
    { title: [words(o['relationship']), str(o['name'])].filter(Boolean).join(' · ') || undefined, concept: concept(o['relationship']), when: when(o['date']) },
    lines('problem', ...objs(o['condition']).map((c) => [words(c['code']), words(c['outcome'])].filter(Boolean).join(': ') || undefined)),
  )

/** Answers to a questionnaire, with their questions. */
export const answers: Reader = (o) =>
  plain(o, 'social', { title: str(obj(o['questionnaire'])?.['display']) ?? str(o['questionnaire'])?.split('/').at(-1), when: when(o['authored']) }, answered(o, 0))

function answered(o: Obj, depth: number): Line[] {
  if (depth > 8) return []
  return objs(o['item']).flatMap((i) => [
    ...lines(str(i['text']) ?? str(i['linkId']) ?? '', ...objs(i['answer']).map(answer)),
    ...objs(i['answer']).flatMap((a) => answered(a, depth + 1)),
    ...answered(i, depth + 1),
  ])
}

function answer(a: Obj): string | undefined {
  const n = digits(a['valueDecimal']) ?? digits(a['valueInteger']) ?? digits(obj(a['valueQuantity'])?.['value'])
  const unit = str(obj(a['valueQuantity'])?.['unit'])
  return str(a['valueString']) ?? words(a['valueCoding']) ?? str(a['valueDate']) ?? str(a['valueDateTime']) ?? (n === undefined ? undefined : [n, unit].filter(Boolean).join(' ')) ?? (typeof a['valueBoolean'] === 'boolean' ? String(a['valueBoolean']) : undefined)
}

/** Fields that date a resource of whatever type, the most telling first. */
const dates = ['date', 'authoredOn', 'authored', 'occurrenceDateTime', 'performedDateTime', 'effectiveDateTime', 'recordedDate', 'recorded', 'sent', 'start', 'started', 'created', 'issued', 'dateAsserted', 'statusDate', 'dateTime', 'dateWritten', 'enterer', 'identified']

function dateIn(o: Obj): When | undefined {
  for (const key of dates) {
    const at = when(o[key])
    if (at) return at
  }
  return span(o['period'])?.start ?? span(o['occurrencePeriod'])?.start ?? timing(o, 'occurrence')?.when ?? timing(o, 'effective')?.when
}

/** A type that has no reader of its own. Its details show every field. */
export function generic(group: Group): Reader {
  return (o) =>
    plain(
      o, group, { title: str(o['title']) ?? nameOf(o) ?? str(o['description']), when: dateIn(o), active: o['status'] === 'active' },
      lines('description', str(o['description'])), lines('reason', ...texts(o['reasonCode'])), lines('sort', ...texts(o['category'])),
      lines('note', ...objs(o['note']).map((n) => str(n['text'])), ...strs(o['comment'])),
    )
}
