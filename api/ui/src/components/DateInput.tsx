import { useState } from 'preact/hooks'
import { word } from '../words.ts'
import { Fieldset, type FieldProps } from './Field.tsx'

export interface DateInputProps extends FieldProps {
  /** YYYY-MM-DD, or empty. */
  value: string
  /** Gets the date, empty when all is empty, or undefined while it is no date. */
  onInput: (value: string | undefined) => void
  /** birth: the browser may fill in the birthday. */
  autocomplete?: 'birth'
}

type Parts = { day: string; month: string; year: string }

/** The date that three fields say; undefined if there is no such day. */
export function dateOfParts({ day, month, year }: Parts): string | undefined {
  if (!day && !month && !year) return ''
  const [d, m, y] = [day, month, year].map((s) => (/^\d{1,4}$/.test(s) ? Number(s) : NaN)) as [number, number, number]
  const date = new Date(Date.UTC(y, m - 1, d))
  const exists = y >= 1000 && date.getUTCMonth() === m - 1 && date.getUTCDate() === d
  return exists ? date.toISOString().slice(0, 10) : undefined
}

function partsOf(value: string): Parts {
  const [year = '', month = '', day = ''] = value.split('-')
  return { day: day.replace(/^0/, ''), month: month.replace(/^0/, ''), year }
}

/** A date that is known by heart, such as a birthday. */
export function DateInput({ value, onInput, autocomplete, ...field }: DateInputProps) {
  const [parts, setParts] = useState(() => partsOf(value))
  const [last, setLast] = useState(value)
  if (value !== last && value !== dateOfParts(parts)) {
    setLast(value)
    setParts(partsOf(value))
  }
  const set = (name: keyof Parts, text: string) => {
    const next = { ...parts, [name]: text.trim() }
    setParts(next)
    const date = dateOfParts(next)
    if (date !== undefined) setLast(date)
    onInput(date)
  }
  const part = (name: keyof Parts) => (
    <label class="mu-date__part">
      <span>{word(name)}</span>
      <input
        class={`mu-field${field.error ? ' mu-field--error' : ''} mu-date__${name}`}
        inputMode="numeric"
        maxLength={name === 'year' ? 4 : 2}
        autocomplete={autocomplete === 'birth' ? `bday-${name}` : 'off'}
        value={parts[name]}
        onInput={(e) => set(name, e.currentTarget.value)}
      />
    </label>
  )
  return (
    <Fieldset {...field} role="group">
      <div class="mu-date">
        {part('day')}
        {part('month')}
        {part('year')}
      </div>
    </Fieldset>
  )
}
