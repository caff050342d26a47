import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { Fieldset, type FieldProps, type Option } from './Field.tsx'

type Kind = 'checkboxes' | 'radios'

interface ChoiceProps {
  kind: Kind
  id: string
  name: string
  option: Option
  checked: boolean
  onChange: (checked: boolean) => void
}

function Choice({ kind, id, name, option, checked, onChange }: ChoiceProps) {
  const block = `nhsuk-${kind}`
  return (
    <>
      <div class={`${block}__item`}>
        <input
          class={`${block}__input`}
          id={id}
          name={name}
          type={kind === 'radios' ? 'radio' : 'checkbox'}
          value={option.value}
          checked={checked}
          disabled={option.disabled}
          aria-describedby={option.hint ? `${id}-hint` : undefined}
          onChange={(e) => onChange(e.currentTarget.checked)}
        />
        <label class={`nhsuk-label ${block}__label`} for={id}>
          {option.label}
        </label>
        {option.hint && (
          <div class={`nhsuk-hint ${block}__hint`} id={`${id}-hint`}>
            {option.hint}
          </div>
        )}
      </div>
      {option.more && checked && <div class={`${block}__conditional`}>{option.more}</div>}
    </>
  )
}

interface GroupProps<V extends string> extends FieldProps {
  options: Option<V>[]
  small?: boolean
}

export interface CheckboxesProps<V extends string> extends GroupProps<V> {
  value: readonly V[]
  onChange: (value: V[]) => void
  /** In columns where there is room, for many short options. */
  columns?: boolean
}

/** Any number of options. */
export function Checkboxes<V extends string>(props: CheckboxesProps<V>) {
  const own = useId()
  const { options, value, onChange, small, columns, id = own, ...field } = props
  const toggle = (v: V, on: boolean) => onChange(options.map((o) => o.value).filter((x) => (x === v ? on : value.includes(x))))
  return (
    <Fieldset {...field} id={id}>
      <div class={`nhsuk-checkboxes${small ? ' nhsuk-checkboxes--small' : ''}${columns ? ' mu-columns' : ''}`}>
        {options.map((o) => (
          <Choice key={o.value} kind="checkboxes" id={`${id}-${o.value}`} name={id} option={o} checked={value.includes(o.value)} onChange={(on) => toggle(o.value, on)} />
        ))}
      </div>
    </Fieldset>
  )
}

export interface RadiosProps<V extends string> extends GroupProps<V> {
  value: V | undefined
  onChange: (value: V) => void
  inline?: boolean
}

/** One of some options. */
export function Radios<V extends string>(props: RadiosProps<V>) {
  const own = useId()
  const { options, value, onChange, small, inline, id = own, ...field } = props
  const classes = `nhsuk-radios${small ? ' nhsuk-radios--small' : ''}${inline ? ' nhsuk-radios--inline' : ''}`
  return (
    <Fieldset {...field} id={id} role="radiogroup">
      <div class={classes}>
        {options.map((o) => (
          <Choice key={o.value} kind="radios" id={`${id}-${o.value}`} name={id} option={o} checked={o.value === value} onChange={() => onChange(o.value)} />
        ))}
      </div>
    </Fieldset>
  )
}

export interface CheckboxProps {
  label: ComponentChildren
  hint?: ComponentChildren
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
  id?: string
  small?: boolean
}

/** A single yes or no. */
export function Checkbox({ label, hint, checked, onChange, disabled, id, small }: CheckboxProps) {
  const own = useId()
  return (
    <div class={`nhsuk-checkboxes nhsuk-form-group${small ? ' nhsuk-checkboxes--small' : ''}`}>
      <Choice kind="checkboxes" id={id ?? own} name={id ?? own} option={{ value: 'yes', label, hint, disabled }} checked={checked} onChange={onChange} />
    </div>
  )
}
