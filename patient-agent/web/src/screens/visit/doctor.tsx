import { useEffect, useState } from 'preact/hooks'
import { Button, Callout, Card as Frame, Details, Fingerprint, Radios, SummaryList, Tag } from '@medunion/ui'
import type { Card } from '../../api/types.ts'
import { department } from '../../logic/draft.ts'
import { change, draft, dropVisit } from '../../parts/draft.ts'
import { Waiting } from '../../parts/load.tsx'
import { go, replace, to } from '../../parts/route.ts'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { departmentName, hospitalName, listed, t } from '../../parts/text.ts'
import { Trouble } from '../../parts/trouble.tsx'
import { day } from '../../parts/when.ts'
import { useCard } from './setup.tsx'

/** Who is asking, and by whom that was checked. */
export function Doctor() {
  const d = draft.use()
  const { card, problem, again } = useCard(d?.link)
  useEffect(() => {
    if (d === undefined) replace(to.scan)
  }, [d === undefined])
  if (problem) {
    const refused = problem.kind === 'refused' || problem.kind === 'not-found'
    return (
      <Screen key="refused" title={refused ? t('doctor.refused') : t('doctor.title')} back={to.scan} step={1}>
        <Trouble problem={problem} refused={t('refused.card')} retry={refused ? undefined : again} />
        <Actions>
          <Button kind={refused ? 'primary' : 'secondary'} size="wide" href={to.scan} onClick={dropVisit}>
            {t('doctor.no')}
          </Button>
        </Actions>
      </Screen>
    )
  }
  if (card === undefined) {
    return (
      <Screen key="checking" title={t('doctor.checking')} back={to.scan} step={1}>
        <Waiting says={t('doctor.checking')} />
      </Screen>
    )
  }
  return (
    <Screen key="card" title={t('doctor.title')} back={to.scan} step={1}>
      <DoctorCard card={card} />
      <Actions>
        <Button kind="primary" size="wide" onClick={() => go(card.departments.length > 1 ? to.department : to.share)}>
          {t('doctor.yes')}
        </Button>
        <Button size="wide" href={to.scan} onClick={dropVisit}>
          {t('doctor.no')}
        </Button>
      </Actions>
      <Details summary={t('app.technical')}>
        <SummaryList
          rows={[
            { key: t('doctor.portal'), value: <span class="pp-mono">{card.portal}</span> },
            { key: t('doctor.credential'), value: <Fingerprint value={card.credential} /> },
          ]}
        />
      </Details>
    </Screen>
  )
}

function DoctorCard({ card }: { card: Card }) {
  return (
    <Frame
      title={card.name}
      aside={
        <Tag tone="ok" icon="shield">
          {t('doctor.checked', { authority: card.authority })}
        </Tag>
      }
    >
      <SummaryList
        rows={[
          { key: t('doctor.licence'), value: card.licence },
          { key: t('doctor.departments'), value: listed(card.departments, departmentName) },
          { key: t('doctor.hospital'), value: card.affiliation === '' ? t('doctor.hospital.none') : hospitalName(card.affiliation) },
        ]}
      />
      <p class="pp-soft">{t('doctor.checked.text', { date: day(card.until) })}</p>
    </Frame>
  )
}

/** In which of his departments the doctor sees her; asked only if there are several. */
export function Department() {
  const d = draft.use()
  const { card, problem, again } = useCard(d?.link)
  const [error, setError] = useState<string>()
  useEffect(() => {
    if (d === undefined) replace(to.scan)
  }, [d === undefined])
  if (d === undefined || card === undefined) {
    return (
      <Screen key="gathering" title={t('doctor.department.title')} back={to.doctor} step={1}>
        {problem ? <Trouble problem={problem} retry={again} /> : <Waiting />}
      </Screen>
    )
  }
  const submit = (e: Event) => {
    e.preventDefault()
    if (department(d, card) === undefined) setError(t('doctor.department.missing'))
    else go(to.share)
  }
  return (
    <Screen key="ask" title={t('doctor.department.title')} back={to.doctor} step={1}>
      <Lead>{t('doctor.department.text', { doctor: card.name })}</Lead>
      {card.departments.length === 0 && <Callout tone="warn" title={t('problem.not-found')} />}
      <form onSubmit={submit} noValidate>
        <Radios
          label={t('doctor.department.title')}
          labelHidden
          error={error}
          value={department(d, card)}
          onChange={(v) => change({ department: v })}
          options={card.departments.map((c) => ({ value: c, label: departmentName(c) }))}
        />
        <Actions>
          <Button kind="primary" size="wide" type="submit">
            {t('app.next')}
          </Button>
        </Actions>
      </form>
    </Screen>
  )
}
