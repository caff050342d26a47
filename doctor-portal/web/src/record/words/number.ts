import { formatUnit, language, locales } from '@medunion/ui'
import type { Quantity } from '../fhir/value'

const formats = new Map<string, Intl.NumberFormat>()

/**
 * A number as the hospital wrote it, if that has four decimals at most. More come of
 * computing, not of measuring: such a number is rounded to four significant digits. The
 * details show it in full.
 */
export function number(n: number): string {
  const exact = Math.abs(n * 1e4 - Math.round(n * 1e4)) < 1e-6 && Math.abs(n) < 1e12
  return format(exact ? 'exact' : Math.abs(n) >= 1000 ? 'whole' : 'rounded').format(n)
}

function format(kind: 'exact' | 'whole' | 'rounded'): Intl.NumberFormat {
  const key = language() + kind
  const known = formats.get(key)
  if (known) return known
  const shape = kind === 'exact' ? { maximumFractionDigits: 4 } : kind === 'whole' ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 4 }
  const made = new Intl.NumberFormat(locales[language()], { ...shape, useGrouping: 'min2' as unknown as boolean })
  formats.set(key, made)
  return made
}

/** "≥ 5.2 mmol/L" */
export function amount(q: Quantity, withUnit = true): string {
  const sign = q.comparator ? { '<': '< ', '<=': '≤ ', '>=': '≥ ', '>': '> ', ad: '' }[q.comparator] ?? '' : ''
  const unit = withUnit && q.unit ? formatUnit(q.unit) : ''
  return sign + number(q.n) + (unit === '' ? '' : unit === '%' ? '%' : ` ${unit}`)
}
