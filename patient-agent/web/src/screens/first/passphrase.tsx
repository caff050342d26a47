import { useState } from 'preact/hooks'
import { Button, Callout, PassphraseInput } from '@medunion/ui'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { t } from '../../parts/text.ts'
import { Trouble } from '../../parts/trouble.tsx'
import { useWork } from '../../parts/work.ts'

const shortest = 12

interface Props {
  register: (passphrase: string) => Promise<void>
  back: () => void
  /** It only opens the app, beside a passkey that approves. */
  beside?: boolean
}

/** The fallback, which says that it is the weaker way. */
export function Passphrase({ register, back, beside }: Props) {
  const work = useWork()
  const [passphrase, setPassphrase] = useState('')
  const [again, setAgain] = useState('')
  const [errors, setErrors] = useState({ first: false, again: false })
  const submit = (e: Event) => {
    e.preventDefault()
    const found = {
      first: [...passphrase].length < shortest,
      again: passphrase !== again,
    }
    setErrors(found)
    if (!found.first && !found.again) void work.run(() => register(passphrase))
  }
  return (
    <Screen title={t('passphrase.title')} onBack={back}>
      {beside && (
        <Callout tone="info" title={t('passphrase.beside')}>
          <p>{t('passphrase.beside.text')}</p>
        </Callout>
      )}
      <Lead>{t('passphrase.text')}</Lead>
      {work.problem && <Trouble problem={work.problem} refused={t('refused.registration')} />}
      <form onSubmit={submit} noValidate>
        <PassphraseInput label={t('passphrase.label')} value={passphrase} onInput={setPassphrase} error={errors.first && t('passphrase.short')} autocomplete="new-password" maxLength={1024} />
        <PassphraseInput label={t('passphrase.again')} value={again} onInput={setAgain} error={errors.again && t('passphrase.differ')} autocomplete="new-password" maxLength={1024} />
        {!beside && (
          <Callout tone="warn" title={t('passphrase.weaker')}>
            <p>{t('passphrase.weaker.text')}</p>
          </Callout>
        )}
        <Actions>
          <Button kind="primary" size="wide" type="submit" busy={work.busy}>
            {work.busy ? t('passkey.busy') : t('passphrase.do')}
          </Button>
        </Actions>
      </form>
    </Screen>
  )
}
