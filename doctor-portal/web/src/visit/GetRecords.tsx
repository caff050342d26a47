import { Button, Buttons, Callout, Card, Progress } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { Consent, Filter, Visit } from '../app/practice.ts'
import { reasonAdvice, reasonWords } from '../app/problems.ts'
import { goTo } from '../app/routes.ts'
import { useObservable } from '../app/store.ts'
import { Technical, TroubleCallout } from '../app/Trouble.tsx'
import { useNow, useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { HospitalTable } from './HospitalTable.tsx'
import { Part } from './Part.tsx'
import { failed } from './RetryHospital.tsx'
import type { Room } from './rooms.ts'

/** Searches and fetches, and shows how far each hospital is. */
export function GetRecords({ visit, room }: { visit: Visit; room: Room }) {
  useObservable(room)
  const { practice } = useWorkplace()
  const work = useWork()
  const running = visit.search?.state === 'running'
  const get = () => void work.run(() => practice.fetch(visit.id, room.filter))
  const cancel = () => void work.run(() => practice.cancel(visit.id))
  return (
    <Card title={t('fetch.title')} aside={running && <Button size="small" icon="stop" onClick={cancel}>{t('fetch.cancel')}</Button>}>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <Outcome visit={visit} room={room} />
      {running && visit.search?.step === 'asking' && <Progress label={t('fetch.asking')} />}
      {visit.hospitals.length > 0 && <HospitalTable visit={visit} room={room} />}
      {!running && visit.consent && <Start visit={visit} consent={visit.consent} busy={work.busy} filter={room.filter} onFilter={(filter) => room.set({ filter })} onGet={get} />}
    </Card>
  )
}

interface StartProps {
  visit: Visit
  consent: Consent
  busy: boolean
  filter: Filter
  onFilter: (f: Filter) => void
  onGet: () => void
}

/** The button that begins, goes on with all that failed, or searches anew; and what it costs. What failed alone has its button in its row. */
function Start({ visit, consent, busy, filter, onFilter, onGet }: StartProps) {
  const over = useNow(5000) >= consent.expires
  const again = visit.hospitals.filter(failed).length
  const nothing = visit.search !== undefined && visit.search.state !== 'done' && visit.hospitals.length === 0
  const usedUp = consent.uses >= consent.maxUses
  if (over) return <Callout tone="warn" title={t('consent.expiredTitle')}><p>{t('consent.expiredText')}</p></Callout>
  if (again === 1) return null
  if (usedUp && again === 0) return <p class="mu-quiet">{t('fetch.usedUp')}</p>
  const began = visit.search !== undefined
  return (
    <>
      {!began && <p>{t('fetch.text', { count: consent.grants.length })}</p>}
      {again === 0 && <Part consent={consent} filter={filter} onFilter={onFilter} />}
      <Buttons>
        <Button kind={began && again === 0 && !nothing ? 'secondary' : 'primary'} icon={began ? 'refresh' : 'search'} busy={busy} onClick={onGet}>
          {t(again > 0 ? 'fetch.retry' : nothing ? 'app.retry' : began ? 'fetch.again' : 'fetch.do')}
        </Button>
        {began && again === 0 && !nothing && <span class="mu-quiet">{t('fetch.againHint')}</span>}
      </Buttons>
    </>
  )
}

/** How the last search ended, in words, in the place of what it did not bring. */
function Outcome({ visit, room }: { visit: Visit; room: Room }) {
  const { search, hospitals } = visit
  const here = hospitals.filter((h) => h.receipt !== undefined)
  const missing = hospitals.filter((h) => h.receipt === undefined).map((h) => h.hospital)
  const count = here.reduce((n, h) => n + h.resources, 0)
  const over = search && search.state !== 'running'
  return (
    <>
      {search?.state === 'failed' && search.reason && (
        <Callout tone="bad" title={t('fetch.failed')} urgent>
          <p>{reasonWords(search.reason)} {reasonAdvice(search.reason)}</p>
          <Technical>{search.reason.says} ({search.reason.code})</Technical>
        </Callout>
      )}
      {search?.state === 'cancelled' && <Callout tone="info" title={t('fetch.cancelled')} />}
      {search?.state === 'done' && hospitals.length === 0 && <Callout tone="info" title={t('fetch.nothing')}><p>{t('fetch.nothingText')}</p></Callout>}
      {over && missing.length > 0 && <Callout tone="warn" title={t('fetch.partial')} urgent><p>{t('fetch.partialText', { hospitals: missing.join(', ') })}</p></Callout>}
      {[...room.unreadable].map(([hospital, trouble]) => <TroubleCallout key={hospital} trouble={trouble}><p>{t('fetch.unreadable', { hospital })}</p></TroubleCallout>)}
      {count > 0 && (
        <div class="dp-here">
          <p class="dp-here__count">{t('fetch.done', { count })}</p>
          <Button kind="primary" icon="arrow-right" onClick={() => goTo({ at: 'visit', id: visit.id, tab: 'summary' })}>{t('fetch.read')}</Button>
        </div>
      )}
    </>
  )
}
