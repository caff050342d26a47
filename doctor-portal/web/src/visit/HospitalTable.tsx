import { formatDateTime, Icon, Progress, Steps, Table, Tag, type Column, type Step } from '@medunion/ui'
import type { HospitalProgress, Scope, Visit } from '../app/practice.ts'
import { reasonAdvice, reasonWords } from '../app/problems.ts'
import { codeList, t } from '../texts/index.ts'
import { failed, RetryHospital } from './RetryHospital.tsx'
import type { Room } from './rooms.ts'

/** One row per hospital: how far it is, and what it holds that the consent does not include. */
export function HospitalTable({ visit, room }: { visit: Visit; room: Room }) {
  return <Table caption={t('fetch.title')} captionHidden columns={columns(visit, room)} rows={visit.hospitals} rowKey={(h) => h.hospital} />
}

function columns(visit: Visit, room: Room): Column<HospitalProgress>[] {
  return [
    { key: 'hospital', head: t('fetch.hospital'), rowHead: true, nowrap: true, cell: (h) => h.hospital },
    { key: 'progress', head: t('fetch.progress'), cell: (h) => <div class="dp-progress"><State h={h} /><RetryHospital visit={visit} room={room} h={h} /></div> },
    { key: 'not', head: t('fetch.notShared'), cell: (h) => (h.withheld.classes.length + h.withheld.departments.length > 0 ? <ScopeWords scope={h.withheld} /> : <span class="mu-quiet">{t('fetch.nothingWithheld')}</span>) },
  ]
}

function ScopeWords({ scope }: { scope: Scope }) {
  return (
    <>
      {scope.classes.length > 0 && codeList('class', scope.classes)}
      {scope.departments.length > 0 && <span class="dp-from">{t('consent.departments')}: {codeList('department', scope.departments)}</span>}
    </>
  )
}

function State({ h }: { h: HospitalProgress }) {
  if (h.state === 'verified') return <Verified h={h} />
  if (failed(h)) return <Failed h={h} />
  return (
    <>
      <Steps steps={steps(h)} label={h.hospital} />
      {h.state === 'receiving' && h.pages !== undefined && (
        <Progress label={t('fetch.state.page', { page: h.page ?? 0, pages: h.pages })} value={h.page ?? 0} max={h.pages} />
      )}
      {h.receipt !== undefined && <p class="mu-quiet dp-small">{t('fetch.stale')}</p>}
    </>
  )
}

function Verified({ h }: { h: HospitalProgress }) {
  return (
    <>
      <Tag tone="ok" icon="check">{t('fetch.state.verified')}</Tag> <strong class="mu-number">{t('fetch.resources', { count: h.resources })}</strong>
      {h.signed !== undefined && <span class="dp-from">{t('fetch.signed', { hospital: h.hospital, time: formatDateTime(h.signed) })}</span>}
      {h.receipt !== undefined && <span class="dp-from">{t('fetch.receipt', { receipt: h.receipt })}</span>}
    </>
  )
}

function Failed({ h }: { h: HospitalProgress }) {
  return (
    <>
      <Tag tone={h.state === 'failed' ? 'bad' : 'plain'} icon={h.state === 'failed' ? 'stop' : 'minus'}>{t(`fetch.state.${h.state}`)}</Tag>
      {h.reason && <span class="dp-from dp-from--bad">{reasonWords(h.reason)} {reasonAdvice(h.reason)}</span>}
      {h.receipt !== undefined && <span class="dp-from"><Icon name="check" /> {t('fetch.stale')} {t('fetch.resources', { count: h.resources })}</span>}
    </>
  )
}

const order = ['connecting', 'verifying', 'receiving', 'verified'] as const

function steps(h: HospitalProgress): Step[] {
  const at = order.findIndex((s) => s === h.state)
  return order.map((s, i) => ({ label: t(`fetch.step.${s}`), state: i < at ? 'done' : i === at ? 'current' : 'waiting' }))
}
