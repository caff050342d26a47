import { Button, Buttons, Details, Radios, TextInput, useTitle } from '@medunion/ui'
import { useState } from 'preact/hooks'
import { TroubleCallout } from '../app/Trouble.tsx'
import { focusWrong, useWork } from '../app/work.ts'
import { useWorkplace } from '../app/context.ts'
import { t } from '../texts/index.ts'
import { OpenerChoice, useOpenerForm } from './OpenerChoice.tsx'
import { StepHeading } from './StepHeading.tsx'

/** ID_D: 1 to 64 bytes of a-z, 0-9, '.', '-', '_'. */
const identifier = /^[a-z0-9._-]{1,64}$/

/** Makes the identity and its sealed store. */
export function MakeKeys({ onBack }: { onBack: () => void }) {
  useTitle(t('make.title'))
  const place = useWorkplace()
  const work = useWork()
  const form = useOpenerForm()
  const [id, setId] = useState('')
  const [suite, setSuite] = useState<'1' | '2'>('1')
  const [wrongId, setWrongId] = useState(false)
  const make = async (e: Event) => {
    e.preventDefault()
    setWrongId(!identifier.test(id))
    if (!identifier.test(id)) return focusWrong(e.currentTarget)
    const at = e.currentTarget
    await work.run(async () => {
      const opener = await form.opener(id)
      if (opener) await place.create(id, suite === '1' ? 1 : 2, opener)
      else focusWrong(at)
    })
  }
  return (
    <form class="dp-column" onSubmit={(e) => void make(e)} noValidate>
      <StepHeading step={1}>{t('make.title')}</StepHeading>
      {work.trouble && <TroubleCallout trouble={work.trouble} />}
      <TextInput
        id="make-id"
        label={t('make.id')}
        hint={t('make.idHint')}
        error={wrongId && t('make.idWrong')}
        value={id}
        onInput={(v) => setId(v.trim().toLowerCase())}
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        width="wide"
      />
      <OpenerChoice form={form} />
      <Details summary={t('make.advanced')}>
        <Radios<'1' | '2'>
          label={t('make.suite')}
          value={suite}
          onChange={setSuite}
          small
          options={[
            { value: '1', label: t('make.suite1'), hint: t('make.suite1Hint') },
            { value: '2', label: t('make.suite2'), hint: t('make.suite2Hint') },
          ]}
        />
      </Details>
      <Buttons>
        <Button kind="primary" type="submit" busy={work.busy}>{t('make.do')}</Button>
        <Button kind="quiet" onClick={onBack}>{t('app.back')}</Button>
      </Buttons>
    </form>
  )
}

