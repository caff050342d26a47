import { Checkboxes, DateInput, Details } from '@medunion/ui'
import { useState } from 'preact/hooks'
import type { Consent, Filter } from '../app/practice.ts'
import { codeWords, t } from '../texts/index.ts'

/** Narrows what is fetched below what the consent allows. */
export function Part({ consent, filter, onFilter }: { consent: Consent; filter: Filter; onFilter: (f: Filter) => void }) {
  const [since, setSince] = useState('')
  const classes = [...new Set(consent.grants.flatMap((g) => g.classes))].sort()
  const chooseSince = (text = '') => {
    setSince(text)
    const at = text ? new Date(`${text}T00:00`).getTime() : Number.NaN
    const { since: _, ...rest } = filter
    onFilter(Number.isNaN(at) ? rest : { ...rest, since: at })
  }
  const chooseClasses = (chosen: string[]) => {
    const { classes: _, ...rest } = filter
    onFilter(chosen.length === 0 ? rest : { ...rest, classes: chosen })
  }
  return (
    <Details summary={t('fetch.part')}>
      <Checkboxes label={t('fetch.partClasses')} options={classes.map((c) => ({ value: c, label: codeWords('class', c) }))} value={filter.classes ?? []} onChange={chooseClasses} small columns />
      <DateInput label={t('fetch.partSince')} hint={t('fetch.partSinceHint')} value={since} onInput={chooseSince} />
    </Details>
  )
}
