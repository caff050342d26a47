import { announce, Button, Buttons, Callout, formatDate, SummaryList, useTitle } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { Doctor } from '../app/practice.ts'
import { Technical, TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { codeList, t } from '../texts/index.ts'
import { StepHeading } from './StepHeading.tsx'

/** The last step: shows what the certificate says and registers. */
export function Register({ doctor }: { doctor: Doctor }) {
  useTitle(t('register.title'))
  const place = useWorkplace()
  const work = useWork()
  const register = () =>
    work.run(async () => {
      await place.practice.register()
      await place.look()
      announce(t('register.done'))
    })
  return (
    <div class="dp-column">
      <StepHeading step={4}>{t('register.title')}</StepHeading>
      <p class="dp-lead">{t('register.text')}</p>
      {work.trouble && (work.trouble.kind === 'conflict' ? <Taken detail={work.trouble.detail} /> : <TroubleCallout trouble={work.trouble} />)}
      <WhoIAm doctor={doctor} />
      <Buttons>
        <Button kind="primary" busy={work.busy} onClick={() => void register()}>{t('register.do')}</Button>
      </Buttons>
    </div>
  )
}

/** The public cloud knows the licence with other keys: trying again does not help. */
function Taken({ detail }: { detail: string }) {
  return (
    <Callout tone="bad" title={t('register.taken')} urgent>
      <p>{t('register.takenText')}</p>
      <Technical>{detail}</Technical>
    </Callout>
  )
}

/** What patients read of the doctor. */
export function WhoIAm({ doctor }: { doctor: Doctor }) {
  return (
    <SummaryList
      rows={[
        { key: t('register.name'), value: doctor.name },
        { key: t('register.licence'), value: doctor.licence },
        { key: t('register.departments'), value: doctor.departments && codeList('department', doctor.departments) },
        { key: t('register.affiliation'), value: doctor.affiliation || undefined },
        { key: t('register.until'), value: doctor.certificateUntil === undefined ? undefined : formatDate(doctor.certificateUntil) },
        { key: t('register.id'), value: doctor.id },
      ]}
    />
  )
}
