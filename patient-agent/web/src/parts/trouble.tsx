import { Button, Callout, Details, type Tone } from '@medunion/ui'
import { Problem } from '../api/client.ts'
import { t } from './text.ts'

/** What happened and what to do, in the words for the problem's code, else for its kind. */
export function words(p: Problem): { title: string; text: string } {
  const key = t.find(`problem.${p.code}.title`) === undefined ? p.kind : p.code
  return { title: t.find(`problem.${key}.title`) ?? t('problem.internal.title'), text: t.find(`problem.${key}`) ?? t('problem.internal') }
}

interface Props {
  problem: Problem
  /** Something better to say than the problem's own title. */
  title?: string
  tone?: Tone
  /** What a refusal means here; by itself it does not say, so that strangers learn nothing. */
  refused?: string
  retry?: () => void
}

/** A failure, in the place of what it concerns. */
export function Trouble({ problem, title, tone = 'bad', refused, retry }: Props) {
  const w = words(problem)
  return (
    <Callout tone={tone} title={title ?? w.title} urgent>
      <p>{refused !== undefined && ['refused', 'not-found'].includes(problem.code) ? refused : w.text}</p>
      {retry && <Button onClick={retry}>{t('app.retry')}</Button>}
      {problem.kind !== 'page' && (
        <Details summary={t('problem.more')}>
          <p class="pp-mono">
            {problem.detail} ({problem.code})
          </p>
        </Details>
      )}
    </Callout>
  )
}

export function asProblem(e: unknown): Problem {
  return e instanceof Problem ? e : new Problem('internal', 'internal', e instanceof Error ? `${e.name}: ${e.message}` : String(e))
}
