import { announce, Button, Buttons, Callout, Dialog, Icon } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { useWorkplace } from '../app/context.ts'
import { newPasskey } from '../app/passkey.ts'
import type { OpenerKind } from '../app/practice.ts'
import { strength } from '../app/strength.ts'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useWork } from '../app/work.ts'
import { NewPassphrase, refusalOf } from '../setup/OpenerChoice.tsx'
import { t } from '../texts/index.ts'

const nameOf = (o: OpenerKind) => (o.kind === 'passphrase' ? t('keys.opener.passphrase') : t('keys.opener.passkey', { id: `${o.credentialId.slice(0, 8)}…` }))

/** What opens the store in this browser: list, add, remove. */
export function Openers({ openers }: { openers: OpenerKind[] }) {
  const place = useWorkplace()
  const work = useWork()
  const [removing, remove] = useState<OpenerKind>()
  const [adding, add] = useState(false)
  const [refused, refuse] = useState<ReturnType<typeof refusalOf>>()
  const changed = async (action: () => Promise<unknown>, says: string) => {
    const ok = await work.run(async () => {
      await action()
      await place.look()
    })
    if (ok) announce(says)
    return ok
  }
  const addPasskey = async () => {
    refuse(undefined)
    const exclude = openers.flatMap((o) => (o.kind === 'passkey' ? [o.credentialId] : []))
    const opener = await newPasskey(place.doctor?.id ?? 'medunion', exclude).catch((e: unknown) => void refuse(refusalOf(e)))
    if (opener) await changed(() => place.practice.addOpener(opener), t('keys.added'))
  }
  const removeIt = async () => {
    if (removing && (await changed(() => place.practice.removeOpener(removing), t('keys.removed')))) remove(undefined)
  }
  return (
    <>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      {refused && <Callout tone="bad" title={t(`make.${refused}`)} urgent><p>{t(`make.${refused}Text`)}</p></Callout>}
      <ul class="dp-openers">
        {openers.map((o) => (
          <li key={o.kind === 'passkey' ? o.credentialId : o.kind}>
            <Icon name={o.kind === 'passkey' ? 'fingerprint' : 'key'} />
            <span>{nameOf(o)}</span>
            {openers.length > 1 && <Button kind="quiet" size="small" icon="trash" onClick={() => remove(o)} aria-label={`${t('keys.remove')}: ${nameOf(o)}`}>{t('keys.remove')}</Button>}
          </li>
        ))}
      </ul>
      {openers.length === 1 && <p class="mu-quiet">{t('keys.last')}</p>}
      <Buttons>
        <Button icon="fingerprint" busy={work.busy} onClick={() => void addPasskey()}>{t('keys.addPasskey')}</Button>
        {!openers.some((o) => o.kind === 'passphrase') && <Button icon="key" onClick={() => add(true)}>{t('keys.addPassphrase')}</Button>}
      </Buttons>
      <AddPassphrase open={adding} onClose={() => add(false)} onAdd={(passphrase) => changed(() => place.practice.addOpener({ passphrase }), t('keys.added'))} />
      <Dialog
        open={removing !== undefined}
        title={t('keys.removeTitle')}
        onClose={() => remove(undefined)}
        actions={
          <Buttons>
            <Button kind="warning" busy={work.busy} onClick={() => void removeIt()}>{t('keys.remove')}</Button>
            <Button onClick={() => remove(undefined)}>{t('app.cancel')}</Button>
          </Buttons>
        }
      >
        <p><strong>{removing && nameOf(removing)}</strong></p>
        <p>{t('keys.removeText')}</p>
      </Dialog>
    </>
  )
}

function AddPassphrase({ open, onClose, onAdd }: { open: boolean; onClose: () => void; onAdd: (p: string) => Promise<boolean> }) {
  const [passphrase, setPassphrase] = useState('')
  const [repeat, setRepeat] = useState('')
  const [tried, setTried] = useState(false)
  const submit = async (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (strength(passphrase) === 'short' || passphrase !== repeat) return focusWrong(e.currentTarget)
    if (await onAdd(passphrase)) onClose()
  }
  return (
    <Dialog open={open} title={t('keys.addPassphrase')} onClose={onClose}>
      <form onSubmit={(e) => void submit(e)} noValidate>
        <NewPassphrase form={{ passphrase, setPassphrase, repeat, setRepeat, tried }} />
        <Buttons>
          <Button kind="primary" type="submit">{t('keys.addPassphrase')}</Button>
          <Button onClick={onClose}>{t('app.cancel')}</Button>
        </Buttons>
      </form>
    </Dialog>
  )
}
