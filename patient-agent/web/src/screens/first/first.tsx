import { useEffect, useState } from 'preact/hooks'
import { Button, Callout, Details, Icon, Radios, TextInput, type IconName } from '@medunion/ui'
import { agent } from '../../api/client.ts'
import { reload } from '../../api/store.ts'
import type { NewPasskey, Status } from '../../api/types.ts'
import { newPasskey, passkeysWork } from '../../parts/passkey.ts'
import { replace, to } from '../../parts/route.ts'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { t } from '../../parts/text.ts'
import { Trouble } from '../../parts/trouble.tsx'
import { useWork } from '../../parts/work.ts'
import { Passphrase } from './passphrase.tsx'

type Step = 'welcome' | 'code' | 'method' | 'passkey' | 'passphrase' | 'both'
type Method = 'passkey' | 'passphrase'

/** First use, one question after the other. The code and the sentence stay in memory only. */
export function First({ status }: { status: Status }) {
  const [step, go] = useState<Step>(status.store === 'absent' ? 'welcome' : 'code')
  const [code, setCode] = useState('')
  const [made, setMade] = useState<NewPasskey>()
  const register = async (q: { passphrase?: string; passkey?: NewPasskey }) => {
    await agent.register({ code: code.trim(), ...q })
    replace(to.me)
    await reload('status')
  }
  switch (step) {
    case 'welcome':
      return <Welcome next={() => go('code')} />
    case 'code':
      return <Code key="code" code={code} onInput={setCode} back={status.store === 'absent' ? () => go('welcome') : undefined} next={() => go('method')} />
    case 'method':
      return <How key="how" back={() => go('code')} next={go} />
    case 'passkey':
      return (
        <Passkey
          key="passkey"
          register={register}
          back={() => go('method')}
          instead={() => go('passphrase')}
          withSentence={(p) => {
            setMade(p)
            go('both')
          }}
        />
      )
    case 'passphrase':
      return <Passphrase key="passphrase" register={(passphrase) => register({ passphrase })} back={() => go('method')} />
    case 'both':
      return <Passphrase key="both" beside register={(passphrase) => register({ passphrase, passkey: made })} back={() => go('passkey')} />
  }
}

function Point({ icon, children }: { icon: IconName; children: string }) {
  return (
    <li>
      <Icon name={icon} size={28} /> <span>{children}</span>
    </li>
  )
}

function Welcome({ next }: { next: () => void }) {
  return (
    <Screen title={t('welcome.title')}>
      <ul class="pp-points">
        <Point icon="hospital">{t('welcome.one')}</Point>
        <Point icon="share">{t('welcome.two')}</Point>
        <Point icon="eye">{t('welcome.three')}</Point>
        <Point icon="lock">{t('welcome.private')}</Point>
      </ul>
      <Actions>
        <Button kind="primary" size="wide" onClick={next}>
          {t('welcome.start')}
        </Button>
      </Actions>
    </Screen>
  )
}

interface CodeProps {
  code: string
  onInput: (v: string) => void
  back?: () => void
  next: () => void
}

function Code({ code, onInput, back, next }: CodeProps) {
  const [error, setError] = useState(false)
  const submit = (e: Event) => {
    e.preventDefault()
    if (code.trim() === '') setError(true)
    else next()
  }
  return (
    <Screen title={t('code.title')} onBack={back}>
      <form onSubmit={submit} noValidate>
        <TextInput label={t('code.label')} hint={t('code.hint')} error={error && t('code.missing')} value={code} onInput={onInput} autocomplete="one-time-code" autocapitalize="none" spellcheck={false} maxLength={64} />
        <Actions>
          <Button kind="primary" size="wide" type="submit">
            {t('app.next')}
          </Button>
        </Actions>
      </form>
    </Screen>
  )
}

function How({ back, next }: { back: () => void; next: (m: Method) => void }) {
  const [able, setAble] = useState<boolean>()
  const [method, choose] = useState<Method>()
  const [error, setError] = useState(false)
  useEffect(() => {
    void passkeysWork().then((yes) => {
      setAble(yes)
      choose((m) => m ?? (yes ? 'passkey' : 'passphrase'))
    })
  }, [])
  const submit = (e: Event) => {
    e.preventDefault()
    if (method === undefined) setError(true)
    else next(method)
  }
  return (
    <Screen title={t('method.title')} onBack={back}>
      {able === false && <Callout tone="info" title={t('method.none')} />}
      <form onSubmit={submit} noValidate>
        <Radios<Method>
          label={t('method.title')}
          labelHidden
          error={error && t('method.missing')}
          value={method}
          onChange={choose}
          options={[
            { value: 'passkey' as const, label: t('method.passkey'), hint: t('method.passkey.hint') },
            { value: 'passphrase' as const, label: t('method.passphrase'), hint: t('method.passphrase.hint') },
          ].filter((o) => able !== false || o.value !== 'passkey')}
        />
        <Actions>
          <Button kind="primary" size="wide" type="submit">
            {t('app.next')}
          </Button>
        </Actions>
      </form>
    </Screen>
  )
}

interface PasskeyProps {
  register: (q: { passkey: NewPasskey }) => Promise<void>
  back: () => void
  instead: () => void
  /** The passkey approves, but it cannot open the store. */
  withSentence: (p: NewPasskey) => void
}

function Passkey({ register, back, instead, withSentence }: PasskeyProps) {
  const work = useWork()
  const make = () =>
    work.run(async () => {
      const passkey = await newPasskey(await agent.challenge())
      if (passkey.prf === undefined) withSentence(passkey)
      else await register({ passkey })
    })
  return (
    <Screen title={t('passkey.title')} onBack={back}>
      <Lead>{t('passkey.text')}</Lead>
      {work.problem && <Trouble problem={work.problem} refused={t('refused.registration')} />}
      <Actions>
        <Button kind="primary" size="wide" icon="fingerprint" busy={work.busy} onClick={() => void make()}>
          {work.busy ? t('passkey.busy') : t('passkey.do')}
        </Button>
        {work.problem && !work.busy && <Button onClick={instead}>{t('passkey.instead')}</Button>}
      </Actions>
      <Details summary={t('passkey.why')}>
        <p>{t('passkey.why.text')}</p>
      </Details>
    </Screen>
  )
}
