import { Button, Callout, Card, Icon, Tag, type IconName } from '@medunion/ui'
import { use } from '../api/store.ts'
import { broken, inForce, newest, running } from '../logic/consent.ts'
import { draft } from '../parts/draft.ts'
import { to } from '../parts/route.ts'
import { Screen } from '../parts/screen.tsx'
import { t } from '../parts/text.ts'
import { Trouble } from '../parts/trouble.tsx'
import { day } from '../parts/when.ts'

/** What to do next, and the way to everything else. */
export function Home() {
  const name = use('profile').value?.name
  const visits = use('visits')
  const list = visits.value ?? []
  const linked = use('hospitals').value?.hospitals.filter((h) => h.enrolled).length
  const now = running(list)
  const fresh = newest(list, Date.now())
  const off = broken(list, Date.now())
  const prepared = draft.use() !== undefined
  return (
    <Screen title={name ? t('home.hello', { name }) : t('home.title')} wide>
      {visits.problem && <Trouble problem={visits.problem} retry={visits.reload} tone="warn" />}
      <Renewal />
      <div class="pp-next">
        {now && (
          <Card title={t('home.running', { doctor: now.doctor })} aside={<Tag tone="info">{t('home.running.tag')}</Tag>}>
            <p>{t.find(`state.${now.code}`, { doctor: now.doctor }) ?? t('live.title')}</p>
            <Button kind="primary" size="wide" href={to.live(now.id)}>
              {t('home.running.do')}
            </Button>
          </Card>
        )}
        {!now && fresh?.diagnosis && (
          <Card title={t('home.diagnosis', { doctor: fresh.doctor })} aside={<Tag tone="ok" icon="check">{t('diagnosis.verified')}</Tag>}>
            <Button kind="primary" size="wide" href={to.diagnosis(fresh.diagnosis)}>
              {t('home.diagnosis.do')}
            </Button>
          </Card>
        )}
        {off && (
          <Card title={t('home.running', { doctor: off.doctor })} aside={<Tag tone="warn" icon="warning">{t('home.broken.tag')}</Tag>}>
            <p>{t.find(`state.${off.code}`, { doctor: off.doctor }) ?? t('state.failed')}</p>
            <Button size="wide" href={to.live(off.id)}>
              {t('home.running.do')}
            </Button>
          </Card>
        )}
        {linked === 0 && (
          <Card title={t('home.first')}>
            <p>{t('home.first.text')}</p>
            <Button kind="primary" size="wide" icon="hospital" href={to.hospitals}>
              {t('home.first')}
            </Button>
          </Card>
        )}
        {!now && (
          <Card title={t('home.visit')}>
            <p>{t('home.visit.text')}</p>
            <Button kind={linked === 0 || fresh ? 'secondary' : 'primary'} size="wide" icon="qr" href={prepared ? to.doctor : to.scan}>
              {prepared ? t('home.prepared') : t('home.visit')}
            </Button>
          </Card>
        )}
      </div>
      <Tiles linked={linked} />
    </Screen>
  )
}

/** What she must know of the renewal of her credential; it is renewed without a word. */
export function Renewal() {
  const i = use('identity').value
  if (!i?.renewal) return null
  return (
    <Callout tone="warn" title={t(`home.renewal.${i.renewal}.title`)} urgent={i.renewal !== 'late'}>
      <p>{t(`home.renewal.${i.renewal}`, { day: day(i.notAfter) })}</p>
    </Callout>
  )
}

function Tiles({ linked }: { linked: number | undefined }) {
  const consents = use('consents').value?.filter((c) => inForce(c, Date.now())).length
  const diagnoses = use('diagnoses').value?.diagnoses.length
  return (
    <ul class="pp-tiles">
      <Tile href={to.hospitals} icon="hospital" title={t('home.hospitals')} text={linked === undefined ? undefined : linked === 0 ? t('home.none') : t('home.hospitals.count', { count: linked })} />
      <Tile
        href={to.diagnoses}
        icon="file"
        title={t('home.diagnoses')}
        text={diagnoses === undefined ? undefined : diagnoses === 0 ? t('home.none') : t('home.diagnoses.count', { count: diagnoses })}
      />
      <Tile href={to.seen} icon="eye" title={t('home.seen')} text={t('home.seen.text')} />
      <Tile
        href={to.consents}
        icon="shield"
        title={t('home.consents')}
        text={consents === undefined ? undefined : consents === 0 ? t('home.consents.none') : t('home.consents.count', { count: consents })}
      />
      <Tile href={to.settings} icon="person" title={t('home.settings')} text={t('home.settings.text')} />
    </ul>
  )
}

function Tile({ href, icon, title, text }: { href: string; icon: IconName; title: string; text?: string }) {
  return (
    <li>
      <a class="pp-tile" href={href}>
        <Icon name={icon} size={28} />
        <span>
          <strong>{title}</strong>
          {/* A space that keeps its place while the count is asked for. */}
          <span class="pp-tile__text">{text ?? '\u00a0'}</span>
        </span>
        <Icon name="chevron-right" />
      </a>
    </li>
  )
}
