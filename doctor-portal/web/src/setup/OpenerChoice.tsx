import { Callout, PassphraseInput, Radios } from '@medunion/ui'
import { useEffect, useState } from 'preact/hooks'
import { newPasskey, PasskeyError, passkeySupport } from '../app/passkey.ts'
import type { Opener } from '../app/practice.ts'
import { shortest, strength } from '../app/strength.ts'
import { t } from '../texts/index.ts'

type Way = 'passkey' | 'passphrase'
type Refused = 'passkeyFailed' | 'noPrf' | 'passkeyThere'

/** What a form with an opener holds; opener() asks the device if it must. */
export interface OpenerForm {
  way: Way
  setWay: (w: Way) => void
  passkeys: boolean
  passphrase: string
  setPassphrase: (s: string) => void
  repeat: string
  setRepeat: (s: string) => void
  tried: boolean
  refused: Refused | undefined
  /** The opener, or undefined after the form has said what is missing. */
  opener: (userName: string) => Promise<Opener | undefined>
}

export function useOpenerForm(): OpenerForm {
  const [passkeys, setPasskeys] = useState(true)
  const [way, setWay] = useState<Way>('passkey')
  const [passphrase, setPassphrase] = useState('')
  const [repeat, setRepeat] = useState('')
  const [tried, setTried] = useState(false)
  const [refused, setRefused] = useState<Refused>()
  useEffect(() => {
    void passkeySupport().then((support) => {
      setPasskeys(support !== 'none')
      if (support !== 'here') setWay('passphrase')
    })
  }, [])
  const opener = async (userName: string) => {
    setTried(true)
    setRefused(undefined)
    if (way === 'passphrase') return strength(passphrase) !== 'short' && passphrase === repeat ? { passphrase } : undefined
    try {
      return await newPasskey(userName)
    } catch (e) {
      setRefused(refusalOf(e))
      return undefined
    }
  }
  return { way, setWay, passkeys, passphrase, setPassphrase, repeat, setRepeat, tried, refused, opener }
}

export function refusalOf(e: unknown): Refused {
  const code = e instanceof PasskeyError ? e.code : 'failed'
  if (code === 'noPRF' || code === 'unsupported') return 'noPrf'
  return code === 'alreadyThere' ? 'passkeyThere' : 'passkeyFailed'
}

/** Chooses between a passkey and a passphrase for this browser. */
export function OpenerChoice({ form }: { form: OpenerForm }) {
  return (
    <>
      {form.refused && (
        <Callout tone="bad" title={t(`make.${form.refused}`)} urgent>
          <p>{t(`make.${form.refused}Text`)}</p>
        </Callout>
      )}
      <Radios<Way>
        label={t('make.how')}
        value={form.way}
        onChange={form.setWay}
        options={[
          { value: 'passkey', label: t('make.passkey'), hint: form.passkeys ? t('make.passkeyHint') : t('make.noPasskey'), disabled: !form.passkeys },
          { value: 'passphrase', label: t('make.passphrase'), hint: t('make.passphraseHint'), more: <NewPassphrase form={form} /> },
        ]}
      />
    </>
  )
}

type Typed = Pick<OpenerForm, 'passphrase' | 'setPassphrase' | 'repeat' | 'setRepeat' | 'tried'>

/** A passphrase, twice, with a hint of how good it is. */
export function NewPassphrase({ form, label }: { form: Typed; label?: string }) {
  const s = strength(form.passphrase)
  const short = form.tried && s === 'short'
  return (
    <>
      <PassphraseInput
        label={label ?? t('make.passphraseField')}
        hint={form.passphrase && !short ? t(`make.strength.${s}`) : undefined}
        error={short && t('make.short')}
        value={form.passphrase}
        onInput={form.setPassphrase}
        autocomplete="new-password"
        minLength={shortest}
        width="wide"
      />
      <PassphraseInput
        label={t('make.repeat')}
        error={form.tried && !short && form.passphrase !== form.repeat && t('make.differ')}
        value={form.repeat}
        onInput={form.setRepeat}
        autocomplete="new-password"
        width="wide"
      />
    </>
  )
}
