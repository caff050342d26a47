import type { Problem, Reason } from './practice.ts'
import { t } from '../texts/index.ts'

/** What went wrong, as the page shows it. */
export interface Trouble {
  kind: Problem['kind']
  /** The technical sentence, in English, shown under a detail. */
  detail: string
  code?: string | undefined
  retryAfter?: number | undefined
}

/** Takes whatever was thrown. What is no Problem is our own fault and is called internal. */
export function asProblem(e: unknown): Trouble {
  const p = (e ?? {}) as Partial<Problem>
  if (typeof p.kind === 'string' && typeof p.detail === 'string') {
    return { kind: p.kind, detail: p.detail, code: p.code, retryAfter: p.retryAfter }
  }
  return { kind: 'internal', detail: e instanceof Error ? `${e.name}: ${e.message}` : String(e) }
}

/** What happened and what to do, by code if we have words for it, else by kind. */
export function troubleWords(p: Trouble): { title: string; advice: string } {
  const title = (p.code && t.find(`code.${p.code}`)) || t.find(`kind.${p.kind}`) || t('kind.internal')
  const advice = (p.code && t.find(`code.${p.code}.do`)) || t.find(`kind.${p.kind}.do`) || t('kind.internal.do')
  return { title, advice }
}

/** A reason in the page's language; its own English sentence where we have no words for its code. */
export function reasonWords(r: Reason): string {
  const says = t.find(`code.${r.code}`) ?? r.says
  const because = r.because && t.find(`code.${r.because}`)
  return because ? `${says} ${because}` : says
}

/** What to do about a reason, if there is something. */
export function reasonAdvice(r: Reason): string | undefined {
  return (r.because && t.find(`code.${r.because}.do`)) || t.find(`code.${r.code}.do`)
}
