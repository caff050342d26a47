import type { ComponentChildren, HTMLAttributes, JSX, Ref } from 'preact'
import { useId } from 'preact/hooks'
import { word } from '../words.ts'

export interface FieldProps {
  /** Says what to enter, always visible. */
  label: ComponentChildren
  hint?: ComponentChildren
  /** What is wrong and what to do; marks the field as invalid. */
  error?: ComponentChildren
  /** Of the control, also what an ErrorSummary links to. */
  id?: string
  optional?: boolean
  /** Hides the label from sight where the context says it, such as a search field. */
  labelHidden?: boolean
}

/** What a control must have to belong to its label, hint and error. */
export interface Control {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': 'true' | undefined
}

export function describe({ id, hint, error }: { id: string; hint?: unknown; error?: unknown }): Control {
  const by = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return { id, 'aria-describedby': by || undefined, 'aria-invalid': error ? 'true' : undefined }
}

export function Hint({ id, children }: { id: string; children?: ComponentChildren }) {
  return children ? <div class="nhsuk-hint" id={`${id}-hint`}>{children}</div> : null
}

export function FieldError({ id, children }: { id: string; children?: ComponentChildren }) {
  if (!children) return null
  return (
    <span class="nhsuk-error-message" id={`${id}-error`}>
      <span class="mu-hidden">{word('error')}:</span> {children}
    </span>
  )
}

/** A label, hint and error around any one control. */
export function Field(props: FieldProps & { children: (c: Control) => ComponentChildren }) {
  const own = useId()
  const id = props.id ?? own
  return (
    <div class={`nhsuk-form-group${props.error ? ' nhsuk-form-group--error' : ''}`}>
      <label class={`nhsuk-label${props.labelHidden ? ' mu-hidden' : ''}`} for={id}>
        {props.label}
        {props.optional && <span class="mu-optional"> ({word('optional')})</span>}
      </label>
      <Hint id={id}>{props.hint}</Hint>
      <FieldError id={id}>{props.error}</FieldError>
      {props.children(describe({ id, hint: props.hint, error: props.error }))}
    </div>
  )
}

/** A group of controls under one legend. */
export function Fieldset(props: FieldProps & { children: ComponentChildren; role?: 'group' | 'radiogroup' }) {
  const own = useId()
  const id = props.id ?? own
  const { 'aria-describedby': by } = describe({ id, hint: props.hint, error: props.error })
  return (
    <div class={`nhsuk-form-group${props.error ? ' nhsuk-form-group--error' : ''}`}>
      <fieldset class="nhsuk-fieldset" id={id} aria-describedby={by} role={props.role} aria-invalid={props.role === 'radiogroup' && props.error ? 'true' : undefined} tabIndex={-1}>
        <legend class={`nhsuk-fieldset__legend${props.labelHidden ? ' mu-hidden' : ''}`}>
          {props.label}
          {props.optional && <span class="mu-optional"> ({word('optional')})</span>}
        </legend>
        <Hint id={id}>{props.hint}</Hint>
        <FieldError id={id}>{props.error}</FieldError>
        {props.children}
      </fieldset>
    </div>
  )
}

type Width = 'full' | 'wide' | 'medium' | 'short' | 'tiny'
type Native<E extends EventTarget> = Omit<HTMLAttributes<E>, 'class' | 'id' | 'role' | 'size' | 'label' | 'onInput' | 'onChange' | 'aria-describedby' | 'aria-invalid'>

/** What the native controls have in common. */
interface Common {
  name?: string
  disabled?: boolean
  required?: boolean
  autocomplete?: string
}

export interface TextInputProps extends FieldProps, Common, Native<HTMLInputElement> {
  type?: 'text' | 'search' | 'password' | 'email' | 'tel' | 'url' | 'number' | 'date' | 'datetime-local' | 'time'
  placeholder?: string
  min?: number | string
  max?: number | string
  step?: number | string
  minLength?: number
  maxLength?: number
  pattern?: string
  readOnly?: boolean
  list?: string
  role?: 'combobox' | 'searchbox'
  inputRef?: Ref<HTMLInputElement>
  value: string
  onInput: (value: string) => void
  /** By what is expected: tiny holds 3 characters, short 10, medium 20, wide 30. */
  width?: Width
  /** A unit or sign before or after the field. */
  before?: ComponentChildren
  after?: ComponentChildren
  /** A button or other control joined to the field. */
  action?: ComponentChildren
}

export function TextInput(props: TextInputProps) {
  const { label, hint, error, id, optional, labelHidden, value, onInput, width = 'full', before, after, action, inputRef, ...rest } = props
  return (
    <Field {...{ label, hint, error, id, optional, labelHidden }}>
      {(control) => (
        <div class="mu-input">
          {before && <span class="mu-input__affix">{before}</span>}
          <input
            type="text"
            {...(rest as JSX.IntrinsicElements['input'])}
            {...control}
            ref={inputRef}
            class={`mu-field mu-width-${width}${error ? ' mu-field--error' : ''}`}
            value={value}
            onInput={(e) => onInput(e.currentTarget.value)}
          />
          {after && <span class="mu-input__affix">{after}</span>}
          {action}
        </div>
      )}
    </Field>
  )
}

export interface TextAreaProps extends FieldProps, Common, Native<HTMLTextAreaElement> {
  rows?: number
  placeholder?: string
  maxLength?: number
  readOnly?: boolean
  value: string
  onInput: (value: string) => void
}

export function TextArea(props: TextAreaProps) {
  const { label, hint, error, id, optional, labelHidden, value, onInput, rows = 4, ...rest } = props
  return (
    <Field {...{ label, hint, error, id, optional, labelHidden }}>
      {(control) => (
        <textarea
          {...(rest as JSX.IntrinsicElements['textarea'])}
          {...control}
          rows={rows}
          class={`mu-field${error ? ' mu-field--error' : ''}`}
          value={value}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
      )}
    </Field>
  )
}

export interface Option<V extends string = string> {
  value: V
  label: ComponentChildren
  hint?: ComponentChildren
  disabled?: boolean
  /** Shown below while this option is chosen. */
  more?: ComponentChildren
}

export interface SelectProps<V extends string> extends FieldProps, Common, Native<HTMLSelectElement> {
  options: { value: V; label: string; disabled?: boolean }[]
  value: V
  onChange: (value: V) => void
}

export function Select<V extends string>(props: SelectProps<V>) {
  const { label, hint, error, id, optional, labelHidden, options, value, onChange, ...rest } = props
  return (
    <Field {...{ label, hint, error, id, optional, labelHidden }}>
      {(control) => (
        <select
          {...(rest as JSX.IntrinsicElements['select'])}
          {...control}
          class={`mu-field mu-field--select${error ? ' mu-field--error' : ''}`}
          value={value}
          onChange={(e) => onChange(e.currentTarget.value as V)}
        >
          {options.map((o) => (
            <option key={o.value} value={o.value} disabled={o.disabled} selected={o.value === value}>
              {o.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
