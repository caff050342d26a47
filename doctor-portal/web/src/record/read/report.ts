import { codeOf, concept, concepts } from '../fhir/codes'
import { timing, when } from '../fhir/dates'
import { list, num, obj, objs, str, type Obj } from '../fhir/json'
import { notes, refs } from '../fhir/names'
import type { File } from '../types'
import { dateOf, firstConcept, reasons, words, type Reader } from './common'
import { attachment, base64Size, mediaType } from './files'
import { plainText } from './narrative'

function files(o: Obj, key: string, inner?: string): readonly File[] {
  return list(o[key]).flatMap((x, i) => {
    const file = inner ? attachment(obj(x)?.[inner], [key, i, inner]) : attachment(x, [key, i])
    return file ?? []
  })
}

export const report: Reader = (o) => {
  const effective = timing(o, 'effective')
  const issued = when(o['issued'])
  return {
    group: 'report',
    concept: concept(o['code']),
    when: dateOf(effective) ?? issued,
    active: ['registered', 'partial', 'preliminary'].includes(str(o['status']) ?? ''),
    facts: {
      kind: 'report', issued,
      categories: concepts(o['category']),
      results: refs(o['result']),
      conclusion: str(o['conclusion']),
      conclusions: concepts(o['conclusionCode']),
      files: files(o, 'presentedForm'),
      by: [...refs(o['performer']), ...refs(o['resultsInterpreter'])],
    },
  }
}

export const documentReference: Reader = (o) => {
  const all = files(o, 'content', 'attachment')
  const type = concept(o['type'])
  return {
    group: 'document',
    title: type && !type.bare ? type.text : str(o['description']) ?? all.find((f) => f.title)?.title ?? type?.text,
    concept: type,
    when: when(o['date']) ?? when(o['created']) ?? all.find((f) => f.created)?.created,
    wrong: o['status'] === 'entered-in-error' || o['docStatus'] === 'entered-in-error',
    status: str(o['docStatus']) ?? str(o['status']),
    facts: { kind: 'document', categories: concepts(o['category']), description: str(o['description']), by: refs(o['author']), files: all, sections: [] },
  }
}

export const binary: Reader = (o) => {
  const data = typeof o['data'] === 'string' ? o['data'] : ''
  const file: File = { path: data === '' ? [] : ['data'], type: mediaType(str(o['contentType'])), size: base64Size(data) }
  return { group: 'document', title: undefined, facts: { kind: 'document', categories: [], by: [], files: [file], sections: [] } }
}

export const media: Reader = (o) => {
  const file = attachment(o['content'], ['content'])
  const taken = timing(o, 'created')
  return {
    group: 'document',
    title: file?.title ?? words(o['view']) ?? words(o['modality']) ?? words(o['type']),
    concept: concept(o['modality']) ?? concept(o['type']),
    when: dateOf(taken) ?? when(o['issued']) ?? file?.created,
    facts: {
      kind: 'document', categories: concepts(o['modality']), description: notes(o['note']).join('\n') || undefined,
      by: refs(o['operator']), files: file ? [file] : [], sections: [],
    },
  }
}

/** Compositions: their sections' narratives, as text. */
export const composition: Reader = (o) => ({
  group: 'document',
  title: str(o['title']) ?? words(o['type']),
  concept: firstConcept(o['type']),
  when: when(o['date']),
  facts: { kind: 'document', categories: concepts(o['category']), by: refs(o['author']), files: [], sections: sections(o, 0) },
})

function sections(o: Obj, depth: number): { title?: string | undefined; text?: string | undefined }[] {
  if (depth > 5) return []
  return objs(o['section']).flatMap((s) => [{ title: str(s['title']) ?? words(s['code']), text: plainText(obj(s['text'])?.['div']) }, ...sections(s, depth + 1)])
}

export const imaging: Reader = (o) => {
  const series = objs(o['series']).map((s) => ({
    modality: words(s['modality']), site: words(s['bodySite']),
    text: str(s['description']) ?? str(objs(s['instance'])[0]?.['title']), images: num(s['numberOfInstances']),
  }))
  const first = series[0]
  const made = [first?.modality, first?.site].filter(Boolean).join(', ')
  return {
    group: 'imaging',
    title: str(o['description']) ?? words(o['procedureCode']) ?? (made === '' ? codeOf(o['modality']) : made),
    concept: firstConcept(o['procedureCode']),
    when: when(o['started']),
    facts: { kind: 'imaging', series, reasons: reasons(o), images: num(o['numberOfInstances']) },
  }
}
