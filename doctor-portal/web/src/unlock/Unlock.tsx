import { Button, Buttons, Callout, Card, Details, Dialog, Fingerprint, PassphraseInput, useTitle } from '@medunion/ui'
import { useEffect, useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { askPasskey, PasskeyError } from '../app/passkey.ts'
import type { Opener, Status } from '../app/practice.ts'
import { asProblem, type Trouble } from '../app/problems.ts'
import { Said } from '../app/Said.tsx'
import { TroubleCallout } from '../app/Trouble.tsx'
import { useWork } from '../app/work.ts'
import { t } from '../texts/index.ts'

type Refusal = 'wrong' | 'passkeyFailed' | 'passkeyWrong' | Trouble

/** The sealed store of this browser, and what opens it. */
export function Unlock({ status }: { status: Status }) {
  useTitle(t('unlock.title'))
  const place = useWorkplace()
  const work = useWork()
  const [refusal, refuse] = useState<Refusal>()
  const passkeys = status.openers.flatMap((o) => (o.kind === 'passkey' ? [o.credentialId] : []))
  const passphrases = status.openers.some((o) => o.kind === 'passphrase')
  const open = async (way: 'passkey' | 'passphrase', ask: () => Promise<Opener>) => {
    refuse(undefined)
    await work.run(async () => {
      try {
        await place.unlock(await ask())
      } catch (e) {
        refuse(refusalOf(e, way))
      }
    })
  }
  return (
    <div class="dp-gate">
      <Said />
      <Card title={<span class="dp-gate__title">{t('unlock.title')}</span>} level={1}>
        {refusal && <Refused refusal={refusal} />}
        {passkeys.length > 0 && (
          <Buttons>
            <Button kind="primary" size="wide" icon="fingerprint" busy={work.busy} onClick={() => void open('passkey', () => askPasskey(passkeys))}>
              {t('unlock.passkey')}
            </Button>
          </Buttons>
        )}
        {passphrases && <ByPassphrase busy={work.busy} alone={passkeys.length === 0} onOpen={(o) => open('passphrase', () => Promise.resolve(o))} />}
        <Helpless />
      </Card>
      <p class="dp-gate__trust"><span>{t('setup.fingerprint')}</span> <Fingerprint value={status.fingerprint} /></p>
    </div>
  )
}

function refusalOf(e: unknown, way: 'passkey' | 'passphrase'): Refusal {
  if (e instanceof PasskeyError) return 'passkeyFailed'
  const p = asProblem(e)
  if (p.kind !== 'refused' && p.kind !== 'unauthenticated') return p
  return way === 'passkey' ? 'passkeyWrong' : 'wrong'
}

function Refused({ refusal }: { refusal: Refusal }) {
  if (typeof refusal !== 'string') return <TroubleCallout trouble={refusal} />
  return <Callout tone="bad" title={t(`unlock.${refusal}`)} urgent><p>{t(`unlock.${refusal}Text`)}</p></Callout>
}

function ByPassphrase({ busy, alone, onOpen }: { busy: boolean; alone: boolean; onOpen: (o: Opener) => Promise<void> }) {
  const [passphrase, setPassphrase] = useState('')
  const [tried, setTried] = useState(false)
  useEffect(() => {
    if (alone) document.getElementById('unlock-passphrase')?.focus()
  }, [alone])
  const submit = (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (!passphrase) return
    void onOpen({ passphrase }).then(() => {
      setPassphrase('')
      setTried(false)
    })
  }
  return (
    <form onSubmit={submit} noValidate>
      <PassphraseInput id="unlock-passphrase" label={t('unlock.passphrase')} error={tried && !passphrase && t('unlock.needed')} value={passphrase} onInput={setPassphrase} />
      <Button kind={alone ? 'primary' : 'secondary'} type="submit" busy={busy}>{t('unlock.do')}</Button>
    </form>
  )
}

function Helpless() {
  const place = useWorkplace()
  const work = useWork()
  const [asking, ask] = useState(false)
  return (
    <Details summary={t('unlock.trouble')}>
      <p>{t('unlock.troubleText')}</p>
      <Button kind="warning" size="small" icon="trash" onClick={() => ask(true)}>{t('unlock.remove')}</Button>
      <Dialog
        open={asking}
        title={t('unlock.removeTitle')}
        onClose={() => ask(false)}
        actions={
          <Buttons>
            <Button kind="warning" busy={work.busy} onClick={() => void work.run(() => place.erase())}>{t('unlock.removeDo')}</Button>
            <Button onClick={() => ask(false)}>{t('app.cancel')}</Button>
          </Buttons>
        }
      >
        <p>{t('unlock.removeText')}</p>
      </Dialog>
    </Details>
  )
}
