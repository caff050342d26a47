import { Card, Fingerprint, Heading, useTitle } from '@medunion/ui'
import type { Doctor, Status } from '../app/practice.ts'
import { WhoIAm } from '../setup/Register.tsx'
import { t } from '../texts/index.ts'
import { ExportForm } from './Export.tsx'
import { Openers } from './Openers.tsx'
import { Renew } from './Renew.tsx'

/** The care of the keys in this browser. */
export function Keys({ doctor, status }: { doctor: Doctor; status: Status }) {
  useTitle(t('keys.title'))
  return (
    <>
      <Heading level={1}>{t('keys.title')}</Heading>
      <div class="dp-cards">
        <Card title={t('keys.me')}>
          <WhoIAm doctor={doctor} />
          {doctor.credential && <p class="dp-small">{t('keys.credential')}<br /><Fingerprint value={doctor.credential} /></p>}
        </Card>
        <Card title={t('keys.renew')}>
          <Renew doctor={doctor} />
        </Card>
        <Card title={t('keys.openers')}>
          <p>{t('keys.openersText')}</p>
          <Openers openers={status.openers} />
        </Card>
        <Card title={t('keys.export')}>
          <p>{t('keys.exportText')}</p>
          <ExportForm />
          <p class="mu-quiet dp-after">{t('keys.one')}</p>
        </Card>
        <Card title={t('keys.trust')}>
          <p>{t('setup.checkText')}</p>
          <p><span class="mu-hidden">{t('setup.fingerprint')}: </span><Fingerprint value={status.fingerprint} /></p>
        </Card>
      </div>
    </>
  )
}
