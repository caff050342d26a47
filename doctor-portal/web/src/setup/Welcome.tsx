import { Button, Buttons, Card, Fingerprint, Heading, useTitle } from '@medunion/ui'
import type { Status } from '../app/practice.ts'
import { Said } from '../app/Said.tsx'
import { t } from '../texts/index.ts'

/** The first screen in a browser without keys: what this is, and the two ways in. */
export function Welcome({ status, onMake, onImport }: { status: Status; onMake: () => void; onImport: () => void }) {
  useTitle(t('setup.welcome'))
  return (
    <div class="dp-column">
      <Said />
      <Heading level={1}>{t('setup.welcome')}</Heading>
      <p class="dp-lead">{t('setup.intro')}</p>
      <ul class="dp-points">
        <li>{t('setup.point.keys')}</li>
        <li>{t('setup.point.certificate')}</li>
        <li>{t('setup.point.minutes')}</li>
      </ul>
      <Buttons>
        <Button kind="primary" icon="key" onClick={onMake}>{t('setup.make')}</Button>
        <Button icon="upload" onClick={onImport}>{t('setup.import')}</Button>
      </Buttons>
      <Trust fingerprint={status.fingerprint} />
    </div>
  )
}

/** The fingerprint of what the page trusts, to compare. */
export function Trust({ fingerprint }: { fingerprint: string }) {
  return (
    <Card title={t('setup.check')}>
      <p>{t('setup.checkText')}</p>
      <p><span class="mu-hidden">{t('setup.fingerprint')}: </span><Fingerprint value={fingerprint} /></p>
    </Card>
  )
}
