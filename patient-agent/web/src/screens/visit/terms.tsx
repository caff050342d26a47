import { useState } from 'preact/hooks'
import { Button, Radios } from '@medunion/ui'
import { hourChoices, useChoices, writeTo } from '../../logic/draft.ts'
import { change } from '../../parts/draft.ts'
import { replace, to } from '../../parts/route.ts'
import { Actions, Screen } from '../../parts/screen.tsx'
import { hospitalName, purposeName, t } from '../../parts/text.ts'
import { WithSetup, type Setup } from './setup.tsx'

/** Purpose, time, searches, and where the diagnosis may be kept. */
export function Terms() {
  return (
    <WithSetup title={t('terms.title')} back={to.share} step={2}>
      {(s) => (
        <Screen key="terms" title={t('terms.title')} back={to.share} step={2}>
          <Form s={s} />
        </Screen>
      )}
    </WithSetup>
  )
}

const hourLabel = (h: number) => t.find(`terms.hours.${h}`) ?? ''
const useLabel = (n: number) => t.find(`terms.uses.${n}`) ?? ''

function Form({ s }: { s: Setup }) {
  const [purpose, setPurpose] = useState(s.draft.purpose ?? s.defaults.purpose)
  const [hours, setHours] = useState(s.draft.hours)
  const [maxUses, setUses] = useState(s.draft.maxUses)
  const [home, setHome] = useState(writeTo(s.draft, s.card, s.hospitals))
  const mine = s.hospitals.filter((h) => h.enrolled)
  const submit = (e: Event) => {
    e.preventDefault()
    change({ purpose, hours, maxUses, writeTo: home })
    replace(to.share)
  }
  return (
    <form onSubmit={submit} noValidate>
      {s.defaults.purposes.length > 1 && (
        <Radios label={t('terms.purpose')} value={purpose} onChange={setPurpose} options={s.defaults.purposes.map((p) => ({ value: p, label: purposeName(p) }))} />
      )}
      <Radios label={t('terms.hours')} value={String(hours)} onChange={(v) => setHours(Number(v))} options={hourChoices.map((h) => ({ value: String(h), label: hourLabel(h) }))} />
      <Radios label={t('terms.uses')} value={String(maxUses)} onChange={(v) => setUses(Number(v))} options={useChoices.map((n) => ({ value: String(n), label: useLabel(n) }))} />
      <Radios
        label={t('terms.write')}
        // '' is no value of a radio button that a screen reader can tell from none.
        value={home === '' ? 'none' : `at ${home}`}
        onChange={(v) => setHome(v === 'none' ? '' : v.slice(3))}
        options={[
          ...mine.map((h) => ({ value: `at ${h.id}`, label: t('terms.write.at', { hospital: hospitalName(h.id) }) })),
          { value: 'none', label: t('terms.write.none'), hint: t('terms.write.none.hint') },
        ]}
      />
      <Actions>
        <Button kind="primary" size="wide" type="submit">
          {t('terms.save')}
        </Button>
      </Actions>
    </form>
  )
}
