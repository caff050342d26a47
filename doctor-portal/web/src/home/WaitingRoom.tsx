import { Button, Empty, Heading, QRCode, useTitle } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import { useLoad } from '../app/work.ts'
import { t } from '../texts/index.ts'
import { ClosedVisits, OpenVisits, WaitingList } from './lists.tsx'

/** Who waits, who is in a visit, and what ended; live. */
export function WaitingRoom() {
  useTitle(t('waiting.title'))
  const { visits } = useWorkplace()
  const of = (state: string) => visits.filter((v) => v.state === state)
  const waiting = of('waiting')
  const arriving = of('answered').length
  return (
    <>
      <div class="dp-title">
        <Heading level={1}>{t('waiting.title')}</Heading>
        <p class="dp-title__about" role="status">{waiting.length > 0 && t('waiting.count', { count: waiting.length })}</p>
      </div>
      {arriving > 0 && <p class="dp-arriving"><span class="mu-spinner" aria-hidden="true" /> {t('waiting.arrivingText', { count: arriving })}</p>}
      {waiting.length > 0 ? <WaitingList visits={waiting} /> : <Nobody />}
      {of('open').length > 0 && <OpenVisits visits={of('open')} />}
      {of('closed').length > 0 && <ClosedVisits visits={of('closed')} />}
    </>
  )
}

function Nobody() {
  const { practice } = useWorkplace()
  const card = useLoad(() => practice.card(), [practice])
  return (
    <Empty icon="people" title={t('waiting.nobody')}>
      <p>{t('waiting.nobodyText')}</p>
      {card.value && <QRCode text={card.value.link} size={176} label={t('card.qr')} />}
      <p><Button href="#/card" icon="qr">{t('waiting.showCard')}</Button></p>
    </Empty>
  )
}
