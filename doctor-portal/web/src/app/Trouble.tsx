import { Callout, Details } from '@medunion/ui'
import type { ComponentChildren } from 'preact'
import { t } from '../texts/index.ts'
import { troubleWords, type Trouble } from './problems.ts'

/** What went wrong, where it went wrong: what happened, what to do, and the detail one click away. */
export function TroubleCallout({ trouble, children }: { trouble: Trouble; children?: ComponentChildren }) {
  const { title, advice } = troubleWords(trouble)
  return (
    <Callout tone="bad" title={title} urgent>
      <p>{advice}</p>
      {children}
      <Technical>{trouble.detail}{trouble.code && ` (${trouble.code})`}</Technical>
    </Callout>
  )
}

/** The technical sentence under a detail. It stays in English. */
export function Technical({ children }: { children: ComponentChildren }) {
  return (
    <Details summary={t('app.technical')}>
      <p lang="en" class="dp-technical">{children}</p>
    </Details>
  )
}
