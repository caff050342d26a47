import { formatAge, formatDate, Tag } from '@medunion/ui'
import type { Person } from '../app/person.ts'
import { t } from '../texts/index.ts'

/** A name to show, also where none was given. */
export function nameOf(p: Person | undefined): string {
  return p?.name ?? t('person.unknown')
}

/** Sex and age in words, as far as they are known: female · 54 years. */
export function sexAndAge(p: Person | undefined): string {
  const age = p?.birthDate && formatAge(p.birthDate)
  return [p?.gender && (t.find(`person.sex.${p.gender}`) ?? t('person.sexOther', { sex: p.gender })), age].filter(Boolean).join(' · ')
}

/** A patient's name, sex and age, and who says so. */
export function PersonLine({ person, confirmedBy }: { person: Person | undefined; confirmedBy?: string | undefined }) {
  const about = sexAndAge(person)
  return (
    <span class="dp-person">
      <strong class="dp-person__name">{nameOf(person)}</strong>
      {about && <span>{about}</span>}
      {person?.birthDate && <span class="mu-quiet">{t('person.born', { date: formatDate(person.birthDate) })}</span>}
      {confirmedBy ? (
        <Tag tone="ok" icon="check">{t('person.confirmed', { hospital: confirmedBy })}</Tag>
      ) : (
        person?.name && <Tag tone="warn">{t('person.stated')}</Tag>
      )}
    </span>
  )
}
