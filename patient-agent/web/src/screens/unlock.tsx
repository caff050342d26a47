import { useState } from 'preact/hooks'
import { Button, PassphraseInput } from '@medunion/ui'
import { agent } from '../api/client.ts'
import { reload } from '../api/store.ts'
import type { Status } from '../api/types.ts'
import { unlockSecret } from '../parts/passkey.ts'
import { Actions, Lead, Screen } from '../parts/screen.tsx'
import { t } from '../parts/text.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useWork } from '../parts/work.ts'

/** Opens the sealed store with what closes it. */
export function Unlock({ status }: { status: Status }) {
  const work = useWork()
  const [passphrase, setPassphrase] = useState('')
  const [error, setError] = useState(false)
  const passkey = status.passkey?.prf === true && status.openers.includes('passkey')
  const open = (q: () => Promise<Parameters<typeof agent.unlock>[0]>) =>
    work.run(async () => {
      await agent.unlock(await q())
      await reload('status')
    })
  const byPassphrase = (e: Event) => {
    e.preventDefault()
    if (passphrase === '') return setError(true)
    setError(false)
    void open(() => Promise.resolve({ passphrase })).then((ok) => !ok && setPassphrase(''))
  }
  return (
    <Screen title={t('unlock.title')}>
      <Lead>{t('unlock.text')}</Lead>
      {work.problem && <Trouble problem={work.problem} />}
      {passkey && (
        <Actions>
          <Button kind="primary" size="wide" icon="fingerprint" busy={work.busy} onClick={() => void open(async () => ({ prf: await unlockSecret(status) }))}>
            {t('unlock.passkey')}
          </Button>
        </Actions>
      )}
      {status.openers.includes('passphrase') && (
        <form onSubmit={byPassphrase} noValidate>
          <PassphraseInput label={t('unlock.label')} value={passphrase} onInput={setPassphrase} error={error && t('unlock.missing')} maxLength={1024} />
          <Actions>
            <Button kind={passkey ? 'secondary' : 'primary'} size="wide" type="submit" icon="unlock" busy={work.busy}>
              {t('unlock.passphrase')}
            </Button>
          </Actions>
        </form>
      )}
    </Screen>
  )
}
