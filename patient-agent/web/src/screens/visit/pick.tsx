import { useState } from 'preact/hooks'
import { Button, Checkboxes, Radios, type Option } from '@medunion/ui'
import type { Defaults, Hospital } from '../../api/types.ts'
import { defaultPick, pickOf, sharing, type Pick } from '../../logic/draft.ts'
import { change } from '../../parts/draft.ts'
import { replace, to } from '../../parts/route.ts'
import { Actions, Screen } from '../../parts/screen.tsx'
import { className, departmentName, hospitalName, sorted, t } from '../../parts/text.ts'
import { WithSetup, type Setup } from './setup.tsx'

/** What one hospital may show. */
export function PickScreen({ hospital }: { hospital: string }) {
  const title = t('pick.title', { hospital: hospitalName(hospital) })
  return (
    <WithSetup title={title} back={to.share} step={2}>
      {(s) => {
        const h = sharing(s.hospitals).find((x) => x.id === hospital)
        return (
          <Screen key="pick" title={title} back={to.share} step={2}>
            {h && <Form h={h} s={s} />}
          </Screen>
        )
      }}
    </WithSetup>
  )
}

function options(codes: string[], name: (c: string) => string, list: Defaults['classes']): Option[] {
  const sensitive = new Set(list.filter((c) => c.sensitive).map((c) => c.code))
  return sorted(codes).map((c) => ({ value: c, label: name(c), hint: sensitive.has(c) ? t('pick.sensitive') : undefined }))
}

function Form({ h, s }: { h: Hospital; s: Setup }) {
  const now = pickOf(s.draft, h, s.defaults)
  const [show, setShow] = useState<'some' | 'none'>(now === null ? 'none' : 'some')
  const [p, setPick] = useState<Pick>(now ?? defaultPick(h, s.defaults))
  const [tried, setTried] = useState(false)
  const keep = (pick: Pick | null | undefined) => {
    const { [h.id]: _, ...others } = s.draft.picks
    change({ picks: pick === undefined ? others : { ...others, [h.id]: pick } })
    replace(to.share)
  }
  const submit = (e: Event) => {
    e.preventDefault()
    setTried(true)
    if (show === 'none') keep(null)
    else if (p.classes.length > 0 && p.departments.length > 0) keep(p)
  }
  return (
    <form onSubmit={submit} noValidate>
      <Radios<'some' | 'none'>
        label={t('pick.show', { hospital: hospitalName(h.id) })}
        labelHidden
        value={show}
        onChange={setShow}
        options={[
          { value: 'some', label: t('pick.some') },
          { value: 'none', label: t('pick.none') },
        ]}
      />
      {show === 'some' && (
        <>
          <Checkboxes
            label={t('pick.classes')}
            error={tried && p.classes.length === 0 ? t('pick.missing.classes') : undefined}
            options={options(h.classes, className, s.defaults.classes)}
            value={p.classes}
            onChange={(classes) => setPick({ ...p, classes })}
          />
          <Checkboxes
            label={t('pick.departments')}
            error={tried && p.departments.length === 0 ? t('pick.missing.departments') : undefined}
            options={options(h.departments, departmentName, s.defaults.departments)}
            value={p.departments}
            onChange={(departments) => setPick({ ...p, departments })}
          />
        </>
      )}
      <Actions>
        <Button kind="primary" size="wide" type="submit">
          {t('pick.save')}
        </Button>
        <Button size="wide" onClick={() => keep(undefined)}>
          {t('pick.default')}
        </Button>
      </Actions>
    </form>
  )
}
