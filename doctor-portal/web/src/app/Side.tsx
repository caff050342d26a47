import { formatTime, Icon, LanguageSwitch, ThemeSwitch, type IconName } from '@medunion/ui'
import type { ComponentChildren } from 'preact'
import { t } from '../texts/index.ts'
import { nameOf } from '../home/PersonName.tsx'
import { useWorkplace } from './context.ts'
import { link, type Found } from './routes.ts'
import type { Visit } from './practice.ts'

/** The navigation: screens, who waits, and the visits that are open. */
export function Side({ at }: { at: Found | { at: 'setup' } }) {
  const place = useWorkplace()
  const waiting = place.visits.filter((v) => v.state === 'waiting')
  const open = place.visits.filter((v) => v.state === 'open')
  const current = (to: string) => (at.at === to ? 'page' : undefined)
  return (
    <div class="dp-side">
      <ul class="dp-side__list">
        <Line to="#/" icon="people" current={current('home')}>
          {t('app.waitingRoom')} {waiting.length > 0 && <strong class="dp-side__count">{waiting.length}</strong>}
        </Line>
        <Line to="#/card" icon="qr" current={current('card')}>{t('app.card')}</Line>
        <Line to="#/earlier" icon="shield" current={current('earlier')}>{t('app.earlier')}</Line>
        <Line to="#/keys" icon="key" current={current('keys')}>{t('app.keys')}</Line>
      </ul>
      {waiting.length > 0 && <Patients title={t('app.waitingRoom')} visits={waiting} at={at} />}
      {open.length > 0 && <Patients title={t('app.openVisits')} visits={open} at={at} />}
      <div class="dp-side__foot"><LanguageSwitch /><ThemeSwitch /></div>
    </div>
  )
}

function Line({ to, icon, current, children }: { to: string; icon: IconName; current: 'page' | undefined; children: ComponentChildren }) {
  return <li><a class="dp-side__link" href={to} aria-current={current}><Icon name={icon} /><span>{children}</span></a></li>
}

function Patients({ title, visits, at }: { title: string; visits: Visit[]; at: Found | { at: 'setup' } }) {
  const place = useWorkplace()
  return (
    <section class="dp-side__group">
      <h2 class="dp-side__title">{title}</h2>
      <ul class="dp-side__list">
        {visits.map((v) => (
          <li key={v.id}>
            <a class="dp-side__link" href={link({ at: 'visit', id: v.id, tab: 'visit' })} aria-current={at.at === 'visit' && at.id === v.id ? 'page' : undefined}>
              <span class="mu-number mu-quiet">{formatTime(v.since)}</span>
              <span class="dp-side__name">{nameOf(place.people.of(v.id)?.person)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
