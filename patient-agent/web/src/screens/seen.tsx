import { Callout, Card, Details, Fingerprint, SummaryList } from '@medunion/ui'
import { use } from '../api/store.ts'
import type { HospitalReleases } from '../api/types.ts'
import { byDay, type Seen } from '../logic/seen.ts'
import { Show } from '../parts/load.tsx'
import { to } from '../parts/route.ts'
import { Lead, Screen } from '../parts/screen.tsx'
import { briefly, className, departmentName, hospitalName, listed, purposeName, t } from '../parts/text.ts'
import { clock, day } from '../parts/when.ts'

/** Every release of every hospital, by day, and whether their lists can be believed. */
export function SeenScreen() {
  return (
    <Screen title={t('seen.title')} back={to.home}>
      <Lead>{t('seen.text')}</Lead>
      <Show of={use('releases')}>
        {(all) => (
          <>
            {all.hospitals.map((h) => (
              <Warnings key={h.hospital} h={h} />
            ))}
            {all.complete && all.hospitals.length > 0 && <Callout tone="ok" title={t('seen.complete')} />}
            {all.hospitals.every((h) => h.releases.length === 0) && <p>{t('seen.none')}</p>}
            {byDay(all.hospitals).map((d) => (
              <section key={d.day}>
                <h2 class="mu-heading mu-heading--2">{day(d.seen[0]!.time)}</h2>
                {d.seen.map((s) => (
                  <Line key={`${s.hospital} ${s.number}`} s={s} />
                ))}
              </section>
            ))}
          </>
        )}
      </Show>
    </Screen>
  )
}

function Warnings({ h }: { h: HospitalReleases }) {
  const hospital = hospitalName(h.hospital)
  const bad = h.warnings.filter((w) => w.code !== 'not-answered')
  return (
    <>
      {!h.answered && (
        <Callout tone="warn" title={t('seen.silent', { hospital })}>
          <p>{t('seen.silent.text')}</p>
        </Callout>
      )}
      {bad.length > 0 && (
        <Callout tone="bad" title={t('seen.warning', { hospital })}>
          <ul class="pp-list">
            {bad.map((w, i) => (
              <li key={i}>{t.find(`warning.${w.code}`, { number: w.number ?? 0 }) ?? w.says}</li>
            ))}
          </ul>
        </Callout>
      )}
    </>
  )
}

function Line({ s }: { s: Seen }) {
  const hospital = hospitalName(s.hospital)
  return (
    <Card title={s.doctor} level={3} aside={<span class="pp-soft">{clock(s.time)}</span>}>
      <p>{s.mode === 'write' ? t('seen.wrote', { hospital, classes: listed(s.classes, className) }) : t('seen.saw', { hospital, classes: briefly(s.classes, className) })}</p>
      <p class="pp-soft">
        {purposeName(s.purpose)} · {t('seen.items', { count: s.resources })}
      </p>
      {!s.consentKnown && (
        <Callout tone="bad" title={t('seen.strange')}>
          <p>{t('seen.strange.text', { hospital })}</p>
        </Callout>
      )}
      {s.consentKnown && (
        <p>
          <a href={to.consent(s.consent)}>{t('seen.consent')}</a>
        </p>
      )}
      <Details summary={t('app.technical')}>
        <SummaryList
          rows={[
            { key: t('doctor.licence'), value: s.licence },
            { key: t('consent.acts'), value: departmentName(s.department) },
            { key: t('hospitals.kinds'), value: listed(s.classes, className) },
            { key: t('hospitals.departments'), value: listed(s.departments, departmentName) },
            { key: hospital, value: t('seen.number', { number: s.number }) },
            { key: t('consent.id'), value: <Fingerprint value={s.consent} /> },
          ]}
        />
      </Details>
    </Card>
  )
}
