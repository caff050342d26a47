import { Button, Buttons, CopyButton, Fingerprint, Heading, QRCard, Skeleton, TextInput, useTitle } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import type { Doctor } from '../app/practice.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useLoad } from '../app/work.ts'
import { codeList, t } from '../texts/index.ts'

/** The doctor's card, large and printable, and the link behind it. */
export function CardScreen({ doctor }: { doctor: Doctor }) {
  useTitle(t('card.title'))
  const { practice } = useWorkplace()
  const card = useLoad(() => practice.card(), [practice])
  if (card.trouble && !card.value) return <TroubleCallout trouble={card.trouble}><Button icon="refresh" onClick={card.again}>{t('app.retry')}</Button></TroubleCallout>
  return (
    <>
      <Heading level={1}>{t('card.title')}</Heading>
      <p class="dp-lead">{t('card.text')}</p>
      {card.value ? (
        <div class="dp-card">
          <QRCard title={doctor.name ?? doctor.id} about={<About doctor={doctor} />} text={card.value.link} size={360} label={t('card.qr')}>
            <p>{t('card.how')}</p>
          </QRCard>
          <div class="dp-card__tools">
            <Buttons>
              <Button kind="primary" icon="print" onClick={() => print()}>{t('card.print')}</Button>
              <CopyButton text={card.value.link}>{t('card.copy')}</CopyButton>
            </Buttons>
            <TextInput label={t('card.link')} value={card.value.link} onInput={() => undefined} readOnly spellcheck={false} />
            <p class="dp-small">{t('card.compare')}<br /><Fingerprint value={card.value.credential} /></p>
          </div>
        </div>
      ) : (
        <Skeleton lines={8} />
      )}
    </>
  )
}

function About({ doctor }: { doctor: Doctor }) {
  return (
    <>
      {doctor.departments && <p>{codeList('department', doctor.departments)}{doctor.affiliation && ` · ${doctor.affiliation}`}</p>}
      {doctor.licence && <p>{t('register.licence')} {doctor.licence}</p>}
    </>
  )
}
