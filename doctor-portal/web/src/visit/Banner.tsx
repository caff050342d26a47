import { Button, formatDate, Icon, Tag, TimeLeft } from '@medunion/ui'
import { useMemo } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import type { Person } from '../app/person.ts'
import type { Consent, Visit } from '../app/practice.ts'
import { useObservable } from '../app/store.ts'
import { PersonLine } from '../home/PersonName.tsx'
import { readBanner, useVersion, type Banner as Facts } from '../record/index.ts'
import { t } from '../texts/index.ts'
import { Allergies } from './Allergies.tsx'
import { EndVisit } from './EndVisit.tsx'
import { contradictions, knownPerson } from './identity.ts'
import type { Room } from './rooms.ts'

/** Who the patient is, what she must not be given, and what she allows: always in sight. */
export function Banner({ visit, room }: { visit: Visit; room: Room }) {
  const place = useWorkplace()
  useObservable(room)
  const version = useVersion(room.store)
  const facts = useMemo(() => readBanner(room.store), [room, version])
  const stated = place.people.of(visit.id)?.person
  const known = knownPerson(facts)
  return (
    <section class="dp-banner" aria-label={t('banner.label')}>
      <div class="dp-banner__row">
        <PersonLine person={known?.person ?? stated} confirmedBy={known?.by} />
        <div class="dp-banner__tools">
          <Button id="write-diagnosis" kind={room.writing ? 'secondary' : 'primary'} size="small" icon="edit" aria-expanded={room.writing} onClick={() => room.set({ writing: !room.writing })}>
            {t(visit.diagnosis ? 'banner.signed' : room.writing ? 'banner.writing' : 'banner.write')}
          </Button>
          <EndVisit visit={visit} room={room} />
        </div>
      </div>
      <div class="dp-banner__row">
        <div class="dp-banner__allergies"><strong>{t('banner.allergies')}:</strong> <Allergies facts={facts} visit={visit} /></div>
        <span class="dp-banner__how"><Icon name={visit.patient.verification === 'passkey' ? 'fingerprint' : 'key'} /> {t(`person.verified.${visit.patient.verification}`)}</span>
        {visit.consent && <Allowed consent={visit.consent} />}
      </div>
      <Doubts facts={facts} stated={stated} known={known?.person} />
    </section>
  )
}

function Allowed({ consent }: { consent: Consent }) {
  return (
    <div class="dp-banner__consent">
      <strong>{t('banner.consent')}:</strong>{' '}
      <TimeLeft until={consent.expires} words={(left) => t('banner.left', { left })} ended={t('banner.expired')} />{' '}
      <span class="mu-number">{t('banner.uses', { uses: consent.uses, max: consent.maxUses })}</span>
    </div>
  )
}

/** Where the hospitals, or the patient and a hospital, say different things. */
function Doubts({ facts, stated, known }: { facts: Facts; stated: Person | undefined; known: Person | undefined }) {
  const other = known ? contradictions(stated, known) : []
  const dead = facts.identities.find((i) => i.died)
  if (facts.differ.length === 0 && other.length === 0 && !dead) return null
  return (
    <div class="dp-banner__row">
      {dead && <Tag tone="bad" icon="warning">{deadWords(dead)}</Tag>}
      {facts.differ.length > 0 && <Tag tone="warn" icon="warning">{t('banner.differ', { parts: facts.differ.map((p) => t(`banner.part.${p}`)).join(', ') })}</Tag>}
      {other.length > 0 && <Tag tone="warn" icon="warning">{t('banner.statedDiffers', { what: other.map((p) => statedWords(stated, p)).join(', ') })}</Tag>}
    </div>
  )
}

/** A record of somebody who has died is another's, or wrong: either way the doctor must know. */
function deadWords({ died, source }: Facts['identities'][number]): string {
  const hospital = source.name ?? source.hospital
  if (!died || died === true) return t('banner.dead', { hospital })
  return t('banner.died', { hospital, date: formatDate(died.written) })
}

function statedWords(p: Person | undefined, part: 'name' | 'birthDate' | 'gender'): string {
  if (part === 'name') return p?.name ?? ''
  if (part === 'birthDate') return t('person.born', { date: formatDate(p?.birthDate ?? '') })
  return t.find(`person.sex.${p?.gender}`) ?? ''
}
