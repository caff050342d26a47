import { useState } from 'preact/hooks'
import { Button, Callout, Card, Fingerprint, LanguageSwitch, SummaryList, ThemeSwitch } from '@medunion/ui'
import { agent } from '../api/client.ts'
import { reload, use } from '../api/store.ts'
import type { Identity, Status } from '../api/types.ts'
import { running } from '../logic/consent.ts'
import { Show } from '../parts/load.tsx'
import { to } from '../parts/route.ts'
import { Actions, Lead, Screen } from '../parts/screen.tsx'
import { t } from '../parts/text.ts'
import { Trouble } from '../parts/trouble.tsx'
import { day } from '../parts/when.ts'
import { useWork } from '../parts/work.ts'

export function Settings() {
  return (
    <Screen title={t('settings.title')} back={to.home}>
      <Card title={t('settings.me')} href={to.profile}>
        <p>{t('settings.me.text')}</p>
      </Card>
      <Card title={t('settings.language')}>
        <LanguageSwitch />
      </Card>
      <Card title={t('settings.look')}>
        <ThemeSwitch />
      </Card>
      <LockCard />
      <Card title={t('settings.about')} href={to.about}>
        <p>{t('settings.about.text')}</p>
      </Card>
    </Screen>
  )
}

function LockCard() {
  const work = useWork()
  const busyVisit = running(use('visits').value ?? []) !== undefined
  const [asked, ask] = useState(false)
  const lock = () =>
    work.run(async () => {
      await agent.lock()
      await reload('status')
    })
  return (
    <Card title={t('settings.lock')}>
      {work.problem && <Trouble problem={work.problem} />}
      {busyVisit && <p>{t('settings.lock.text')}</p>}
      {asked ? (
        <Callout tone="warn" title={t('settings.lock.ask')} urgent>
          <Actions>
            <Button kind="warning" icon="lock" busy={work.busy} onClick={() => void lock()}>
              {t('settings.lock.anyway')}
            </Button>
            <Button onClick={() => ask(false)}>{t('app.cancel')}</Button>
          </Actions>
        </Callout>
      ) : (
        <Button icon="lock" size="wide" busy={work.busy} onClick={() => (busyVisit ? ask(true) : void lock())}>
          {t('settings.lock')}
        </Button>
      )}
    </Card>
  )
}

export function About() {
  const status = use('status').value
  return (
    <Screen title={t('about.title')} back={to.settings}>
      <Lead>{t('about.text')}</Lead>
      <Show of={use('identity')}>{(i) => <Identifiers i={i} s={status} />}</Show>
    </Screen>
  )
}

function Identifiers({ i, s }: { i: Identity; s?: Status }) {
  const mono = (x: string) => <span class="pp-mono">{x}</span>
  return (
    <SummaryList
      rows={[
        { key: t('about.id'), value: mono(i.id) },
        { key: t('about.credential'), value: <Fingerprint value={i.credential} /> },
        {
          key: t('about.way'),
          value: (
            <>
              {t(`about.way.${i.verification}`)}
              {i.verification === 'passphrase' && <span class="pp-soft"> {t('about.way.passphrase.text')}</span>}
            </>
          ),
        },
        { key: t('about.until'), value: day(i.notAfter) },
        { key: t('about.suite'), value: i.suite === 2 ? t('about.suite.2') : t('about.suite.1') },
        s?.passkey && { key: t('about.passkey'), value: mono(s.passkey.credentialId) },
        s?.passkey && { key: t('about.site'), value: mono(s.passkey.rpId) },
      ]}
    />
  )
}
