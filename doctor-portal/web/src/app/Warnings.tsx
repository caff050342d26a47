import { announce, Button, Callout, formatDate } from '@medunion/ui'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'
import type { Doctor } from './practice.ts'
import { reasonAdvice, reasonWords } from './problems.ts'
import type { Workplace } from './workplace.ts'

const offline = (d: Doctor) => d.state === 'registered' && !d.online

/** Whether there is anything that must not be overlooked. */
export const warned = (place: Workplace, d: Doctor) => offline(d) || expiring(d) || place.warnings.length > 0

const month = 30 * 86_400_000

/** A certificate that ends soon should be renewed before patients are refused. */
const expiring = (d: Doctor) => d.state === 'registered' && d.certificateUntil !== undefined && d.certificateUntil - Date.now() < month

/** What must not be overlooked, above every screen: no connection, a wrong clock. */
export function Warnings({ doctor }: { doctor: Doctor }) {
  const place = useWorkplace()
  return (
    <>
      {offline(doctor) && <Offline doctor={doctor} />}
      {expiring(doctor) && (
        <Callout tone="warn" title={t('renew.soon', { date: formatDate(doctor.certificateUntil ?? 0) })}>
          <p>{t('code.certificate-expired.do')}</p>
        </Callout>
      )}
      {place.warnings.map((code) => (
        <Callout key={code} tone="warn" title={t.find(`code.${code}`) ?? code} urgent>
          <p>{t.find(`code.${code}.do`)} <Button kind="quiet" size="small" onClick={() => place.dismiss(code)}>{t('app.dismiss')}</Button></p>
        </Callout>
      ))}
    </>
  )
}

/** A first connection is no trouble yet; a lost one says what is being tried, and its end is said too. */
function Offline({ doctor }: { doctor: Doctor }) {
  const lost = useRef(false)
  lost.current ||= !!doctor.trouble
  useEffect(() => () => {
    if (lost.current) announce(t('offline.back'))
  }, [])
  if (!doctor.trouble) return <p class="dp-connecting" role="status"><span class="mu-spinner" aria-hidden="true" /> {t('offline.connecting')}. {t('offline.connectingText')}</p>
  return (
    <Callout tone="warn" title={t('offline.title')} urgent>
      <p>{reasonWords(doctor.trouble)} {t('offline.text')} {reasonAdvice(doctor.trouble)}</p>
    </Callout>
  )
}
