import { brief } from '../fhir/json'
import type { RecordStore } from '../store/store'
import { t } from '../texts'
import type * as T from '../types'
import { dosageWords } from './dosage'
import { amount } from './number'
import { codeWords, severityWords, statusWords } from './status'
import { allWords, refWords } from './title'
import { observationWords } from './value'
import { age, date, dayOf, spanWords, timingWords } from './when'

/** What a list says of an item below its title: a few short phrases, the most telling first. */
export function phrases(i: T.Item, store: RecordStore, now: number): readonly string[] {
  const words = phrasesOf(i, store, now).filter((p): p is string => p !== undefined && p !== '')
  return [...new Set(words.map((w) => brief(w)))]
}

function phrasesOf(i: T.Item, store: RecordStore, now: number): readonly (string | undefined)[] {
  const f = i.facts
  switch (f.kind) {
    case 'problem':
      return problem(f)
    case 'allergy':
      return allergy(f)
    case 'medication':
      return medication(i, f, store)
    case 'immunization':
      return immunization(i, f)
    case 'procedure':
      return [status(i), ...why(f.reasons, i, store), ...f.sites.map((s) => s.text), f.outcome, ...who(f.by, i, store), ...f.notes]
    case 'encounter':
      return encounter(i, f, store)
    case 'observation':
      return [observationWords(f), ...f.says.map((s) => codeWords('interpretation', s)), i.status === 'final' ? undefined : status(i), f.site, ...f.notes]
    case 'report':
      return [i.status === 'final' ? undefined : status(i), ...conclusions(f), f.results.length > 0 ? t('results.values', { count: f.results.length }) : undefined, ...who(f.by, i, store)]
    case 'document':
      return [f.description === i.title ? undefined : f.description, ...f.categories.map((c) => c.text), i.status === 'current' ? undefined : status(i), ...who(f.by, i, store)]
    case 'imaging':
      return imaging(i, f, store)
    case 'person':
      return person(f, now)
    case 'plain':
      return f.broken ? [t('broken.why', { type: i.type })] : [status(i), ...lines(f, i, store)]
  }
}

function status(i: T.Item): string | undefined {
  return i.status && !i.wrong ? statusWords(i.status) : undefined
}

function problem(f: T.Problem): readonly (string | undefined)[] {
  const ended = f.abatement && t('detail.resolved', { date: timingWords(f.abatement) })
  return [
    f.clinical && statusWords(f.clinical),
    f.verification && f.verification !== 'confirmed' && f.verification !== 'entered-in-error' ? statusWords(f.verification) : undefined,
    f.severity && (f.severity.bare ? severityWords(f.severity.text) : f.severity.text),
    f.onset && (!f.onset.when || f.onset.span) ? timingWords(f.onset) : undefined,
    ended,
    f.recorded && f.onset?.when && f.recorded.written !== f.onset.when.written ? t('detail.recorded', { date: dayOf(f.recorded) }) : undefined,
    ...f.sites.map((s) => s.text),
    ...f.notes,
  ]
}

function allergy(f: T.Allergy): readonly (string | undefined)[] {
  return [
    ...f.reactions.map((r) => [r.manifestations.join(', '), r.severity && severityWords(r.severity)].filter(Boolean).join(': ')),
    f.criticality && severityWords(f.criticality),
    f.clinical && statusWords(f.clinical),
    f.verification && f.verification !== 'confirmed' && f.verification !== 'entered-in-error' ? statusWords(f.verification) : undefined,
    f.sort && codeWords('allergen', f.sort),
    ...f.categories.map((c) => codeWords('allergen', c)),
    f.last && t('detail.last', { date: dayOf(f.last) }),
    ...f.notes,
  ]
}

function medication(i: T.Item, f: T.Medication, store: RecordStore): readonly (string | undefined)[] {
  const dosages = f.dosages.map(dosageWords).filter((d) => d !== '')
  return [
    ...(dosages.length > 0 ? dosages : [t('dose.none')]),
    status(i),
    f.sort === 'request' ? undefined : t(`sort.${f.sort}`),
    ...why(f.reasons, i, store),
    f.taken && spanWords(f.taken),
    ...f.statusReasons,
    ...who(f.by ? [f.by] : [], i, store),
    ...f.notes,
  ]
}

function immunization(i: T.Item, f: T.Immunization): readonly (string | undefined)[] {
  return [
    i.wrong ? undefined : t(f.given ? 'given' : 'notGiven'),
    f.statusReason,
    ...f.protocol.map((dose) => t('detail.dose', { dose })),
    f.dose && amount(f.dose),
    f.route,
    f.site,
    f.lot && t('detail.lot', { lot: f.lot }),
    ...f.notes,
  ]
}

function encounter(i: T.Item, f: T.Encounter, store: RecordStore): readonly (string | undefined)[] {
  const place = refWords(store, i.hospital, f.place)
  return [
    f.sort && codeWords('class', f.sort),
    i.status === 'finished' ? undefined : status(i),
    ...why(f.reasons, i, store).filter((w) => w !== i.title),
    ...allWords(store, i.hospital, f.diagnoses),
    place && t('in', { place }),
    ...allWords(store, i.hospital, f.people).slice(0, 3).map((who) => t('detail.with', { who })),
    f.discharge,
  ]
}

function conclusions(f: T.Report): readonly string[] {
  return [...(f.conclusion ? [f.conclusion] : []), ...f.conclusions.map((c) => c.text)]
}

function imaging(i: T.Item, f: T.Imaging, store: RecordStore): readonly (string | undefined)[] {
  const series = f.series.map((s) => [s.modality, s.site, s.text].filter(Boolean).join(', '))
  return [...series.slice(0, 3), f.series.length > 1 ? t('documents.series', { count: f.series.length }) : undefined, f.images ? t('documents.images', { count: f.images }) : undefined, ...why(f.reasons, i, store)]
}

function person(f: T.Person, now: number): readonly (string | undefined)[] {
  const died = f.died === true ? t('detail.dead') : f.died && t('detail.died', { date: date(f.died) })
  return [
    f.sex && sexWords(f.sex),
    f.born && `${t('detail.born', { date: date(f.born) })} (${age(f.born, f.died && f.died !== true ? f.died.at : now)})`,
    died,
    f.address,
    ...f.contacts.slice(0, 2),
    ...f.languages,
  ]
}

export function sexWords(sex: string): string {
  return t.find(`banner.sex.${sex}`) ?? sex
}

/** A few lines of a kind that has no phrases of its own, with the labels they need. */
function lines(f: T.Plain, i: T.Item, store: RecordStore): readonly string[] {
  const byLabel = new Map<string, string[]>()
  for (const l of f.lines.slice(0, 20)) {
    const words = refWords(store, i.hospital, l.text)
    if (words) byLabel.set(l.label, [...(byLabel.get(l.label) ?? []), l.label === 'sort' ? codeWords('claim', words) : words])
  }
  return [...byLabel].map(([label, all]) => `${lineLabel(label)}: ${[...new Set(all)].join(', ')}`)
}

export function lineLabel(label: string): string {
  return t.find(`detail.line.${label}`) ?? label
}

function why(reasons: T.Procedure['reasons'], i: T.Item, store: RecordStore): readonly string[] {
  return allWords(store, i.hospital, reasons).map((reason) => t('for', { why: reason }))
}

function who(people: T.Procedure['by'], i: T.Item, store: RecordStore): readonly string[] {
  return allWords(store, i.hospital, people).slice(0, 2).map((name) => t('by', { who: name }))
}
