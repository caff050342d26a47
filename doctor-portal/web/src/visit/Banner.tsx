import { Button, Icon, Tag, TimeLeft } from '@medunion/ui'
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
import type { Room } from './rooms.ts'

/** Who the patient is, what she must not be given, and what she allows: always in sight. */
export function Banner({ visit, room }: { visit: Visit; room: Room }) {
  const place = useWorkplace()
  useObservable(room)
  const version = useVersion(room.store)
  const facts = useMemo(() => readBanner(room.store), [room, version])
  const stated = place.people.of(visit.id)?.person
  const known = confirmed(facts)
  return (
    <section class="dp-banner" aria-label={t('banner.label')}>
      <div class="dp-banner__who">
        <PersonLine person={known?.person ?? stated} confirmedBy={known?.by} />
        <span class="dp-banner__how"><Icon name={visit.patient.verification === 'passkey' ? 'fingerprint' : 'key'} /> {t(`person.verified.${visit.patient.verification}`)}</span>
      </div>
      <div class="dp-banner__allergies"><strong>{t('banner.allergies')}:</strong> <Allergies facts={facts} visit={visit} /></div>
      {visit.consent && <Allowed consent={visit.consent} />}
      <div class="dp-banner__tools">
        <Button kind={room.writing ? 'secondary' : 'primary'} size="small" icon="edit" aria-expanded={room.writing} onClick={() => room.set({ writing: !room.writing })}>
          {t(visit.diagnosis ? 'banner.signed' : room.writing ? 'banner.writing' : 'banner.write')}
        </Button>
        <EndVisit visit={visit} room={room} />
      </div>
      <Doubts facts={facts} stated={stated} known={known?.person} />
    </section>
  )
}

// The hospital that says most of her stands for all; where they differ, Doubts says so.
function confirmed(facts: Facts): { person: Person; by: string } | undefined {
  const best = facts.identities.find((i) => i.name && i.born) ?? facts.identities.find((i) => i.name)
  if (!best) return undefined
  return { person: { name: best.name, gender: best.sex, birthDate: best.born?.written }, by: best.source.name ?? best.source.hospital }
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
  const other = stated?.name && known?.name && plain(stated.name) !== plain(known.name)
  if (facts.differ.length === 0 && !other) return null
  return (
    <div class="dp-banner__doubts">
      {facts.differ.length > 0 && <Tag tone="warn" icon="warning">{t('banner.differ', { parts: facts.differ.map((p) => t(`banner.part.${p}`)).join(', ') })}</Tag>}
      {other && <Tag tone="warn" icon="warning">{t('banner.statedDiffers', { name: stated.name! })}</Tag>}
    </div>
  )
}

// Hospitals' test data number their names and add titles: only letters are compared, in any order.
const plain = (name: string) => name.normalize('NFD').replace(/[^\p{L}\s]/gu, '').toLowerCase().split(/\s+/).filter((w) => w.length > 3).sort().join(' ')
