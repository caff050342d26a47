import { useState } from 'preact/hooks'
import { Button, DateInput, Radios, TextInput } from '@medunion/ui'
import { agent } from '../api/client.ts'
import { put, use } from '../api/store.ts'
import type { Profile } from '../api/types.ts'
import { localDay } from '../logic/seen.ts'
import { Show } from '../parts/load.tsx'
import { replace, to } from '../parts/route.ts'
import { Actions, Lead, Screen } from '../parts/screen.tsx'
import { t } from '../parts/text.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useWork } from '../parts/work.ts'

type Sex = NonNullable<Profile['sex']> | 'none'
const sexes: readonly Sex[] = ['female', 'male', 'other', 'none']

/** What she tells of herself; at first use it can be skipped. */
export function Me({ first }: { first?: boolean }) {
  return (
    <Screen title={first ? t('me.title') : t('settings.me')} back={first ? undefined : to.settings}>
      <Lead>{t('me.text')}</Lead>
      <Show of={use('profile')}>{(p) => <Form p={p} first={first} />}</Show>
    </Screen>
  )
}

function Form({ p, first }: { p: Profile; first?: boolean }) {
  const work = useWork()
  const [name, setName] = useState(p.name)
  const [birth, setBirth] = useState<string | undefined>(p.birthDate ?? '')
  const [sex, setSex] = useState<Sex>(p.sex === undefined || p.sex === 'unknown' ? 'none' : p.sex)
  const [error, setError] = useState<string>()
  const [nameError, setNameError] = useState<string>()
  const done = () => replace(first ? to.home : to.settings)
  const submit = (e: Event) => {
    e.preventDefault()
    const wrong = birth === undefined || (birth !== '' && (birth < '1900' || birth > localDay(new Date())))
    const unnamed = name.trim() === '' && ((birth ?? '') !== '' || sex !== 'none')
    setNameError(unnamed ? t('me.name.missing') : undefined)
    setError(wrong ? t('me.birth.wrong') : undefined)
    if (wrong || unnamed) return
    const q: Profile = { name: name.trim(), ...(birth === '' ? {} : { birthDate: birth }), ...(sex === 'none' ? {} : { sex }) }
    void work
      .run(async () => put('profile', await agent.putProfile(q)))
      .then((ok) => ok && done())
  }
  return (
    <form onSubmit={submit} noValidate>
      {work.problem && <Trouble problem={work.problem} />}
      <TextInput label={t('me.name')} hint={t('me.name.hint')} error={nameError} optional value={name} onInput={setName} autocomplete="name" maxLength={200} />
      <DateInput label={t('me.birth')} hint={t('me.birth.hint')} optional error={error} value={p.birthDate ?? ''} onInput={setBirth} autocomplete="birth" />
      <Radios<Sex> label={t('me.sex')} optional value={sex} onChange={setSex} options={sexes.map((s) => ({ value: s, label: t(`me.sex.${s === 'unknown' ? 'none' : s}`) }))} />
      <Actions>
        <Button kind="primary" size="wide" type="submit" busy={work.busy}>
          {t('me.save')}
        </Button>
        {first && (
          <Button size="wide" onClick={done}>
            {t('me.skip')}
          </Button>
        )}
      </Actions>
    </form>
  )
}
