import { Button, Callout, Card, Details, Icon, SummaryList } from '@medunion/ui'
import type { Hospital } from '../../api/types.ts'
import { keptBack, pickOf, sharing, writeTo, type Draft } from '../../logic/draft.ts'
import { to } from '../../parts/route.ts'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { briefly, className, departmentName, duration, hospitalName, listed, purposeName, t } from '../../parts/text.ts'
import { WithSetup, type Setup } from './setup.tsx'

const backOf = (s: Setup) => (s.card.departments.length > 1 ? to.department : to.doctor)

/** What the doctor may see: a default that can be taken as it is, one line for each hospital. */
export function Share() {
  return (
    <WithSetup title={t('share.heading')} back={to.doctor} step={2}>
      {(s) => {
        const list = sharing(s.hospitals)
        return (
          <Screen key="share" title={t('share.title', { doctor: s.card.name })} back={backOf(s)} step={2}>
            {list.length === 0 ? (
              <Callout tone="info" title={t('share.none')} />
            ) : (
              <>
                <Lead>{t('share.text')}</Lead>
                {list.map((h) => (
                  <OfHospital key={h.id} h={h} s={s} />
                ))}
              </>
            )}
            <Terms s={s} />
            <Actions>
              <Button kind="primary" size="wide" href={to.measure}>
                {t('share.next')}
              </Button>
            </Actions>
          </Screen>
        )
      }}
    </WithSetup>
  )
}

function OfHospital({ h, s }: { h: Hospital; s: Setup }) {
  const p = pickOf(s.draft, h, s.defaults)
  const kept = keptBack(p, h)
  const hidden = [listed(kept.departments, departmentName), listed(kept.classes, className)].filter((x) => x !== '').join(', ')
  const hospital = hospitalName(h.id)
  return (
    <Card title={hospital}>
      {p === null ? (
        <p class="pp-shown">
          <Icon name="lock" /> <strong>{t('share.nothing')}</strong>
        </p>
      ) : (
        <>
          <p class="pp-shown">
            <Icon name="eye" />
            <span>
              <strong>{t('share.shown')}</strong> {briefly(p.classes, className)}
              <br />
              <span class="pp-soft">
                {t('share.departments')} {listed(p.departments, departmentName)}
              </span>
            </span>
          </p>
          {p.classes.length > 5 && (
            <Details summary={t('share.everything', { count: p.classes.length })}>
              <p>{listed(p.classes, className)}</p>
            </Details>
          )}
          {hidden !== '' && (
            <p class="pp-shown">
              <Icon name="lock" />
              <span>
                <strong>{t('share.kept')}</strong> {hidden}
              </span>
            </p>
          )}
        </>
      )}
      <Button icon="edit" href={to.pick(h.id)}>
        {t('share.change', { hospital })}
      </Button>
    </Card>
  )
}

const purposeOf = (d: Draft, s: Setup) => d.purpose ?? s.defaults.purpose

function Terms({ s }: { s: Setup }) {
  const home = writeTo(s.draft, s.card, s.hospitals)
  return (
    <Card title={t('share.how')}>
      <SummaryList
        rows={[
          { key: t('share.purpose'), value: purposeName(purposeOf(s.draft, s)) },
          { key: t('share.time'), value: duration(s.draft.hours) },
          { key: t('share.uses'), value: t('share.uses.value', { count: s.draft.maxUses }) },
          { key: t('share.writes'), value: home === '' ? t('share.writes.none') : t('share.writes.at', { hospital: hospitalName(home) }) },
        ]}
      />
      <Button icon="edit" href={to.terms}>
        {t('share.terms')}
      </Button>
    </Card>
  )
}
