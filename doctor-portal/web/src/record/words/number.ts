import { formatUnit, language, locales } from '@medunion/ui'
import type { Quantity } from '../fhir/value'

const formats = new Map<string, Intl.NumberFormat>()

/** Of measuring come so many decimals, or so many digits in all; more come of computing. */
const measured = 4

/**
 * A number as the hospital wrote it, if that has four decimals or four digits at most: also
 * its last zeros, which say how exact it is. More come of computing, not of measuring: such
 * a number is rounded to four significant digits. The details show it in full.
 */
export function number(n: number, written?: string): string {
  const huge = Math.abs(n) >= 1e12
  const shape = written === undefined ? undefined : shapeOf(written)
  if (shape && !huge && (shape.decimals <= measured || (shape.digits <= measured && shape.decimals <= 20))) {
    return format({ minimumFractionDigits: shape.decimals, maximumFractionDigits: shape.decimals }).format(n)
  }
  const exact = Math.abs(n * 1e4 - Math.round(n * 1e4)) < 1e-6 && (n === 0 || Math.abs(n) >= 1e-4) && !huge && !shape
  if (exact) return format({ maximumFractionDigits: measured }).format(n)
  if (Math.abs(n) >= 1000) return format({ maximumFractionDigits: 0 }).format(n)
  return format({ minimumSignificantDigits: shape ? measured : 1, maximumSignificantDigits: measured }).format(n)
}

/** How many decimals a written number has, and how many significant digits: 0.0150 has 4 and 3, 1.5e3 has 0 and 2. */
function shapeOf(written: string): { decimals: number; digits: number } {
  const [mantissa = '', exponent = '0'] = written.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  return { decimals: Math.max(0, fraction.length - Number(exponent)), digits: (whole + fraction).replace(/^0+/, '').length }
}

function format(shape: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language() + JSON.stringify(shape)
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.NumberFormat(locales[language()], { ...shape, useGrouping: 'min2' as unknown as boolean })
  formats.set(key, made)
  return made
}

/** "≥ 5.2 mmol/L" */
export function amount(q: Quantity, withUnit = true): string {
  const sign = q.comparator ? { '<': '< ', '<=': '≤ ', '>=': '≥ ', '>': '> ', ad: '' }[q.comparator] ?? '' : ''
  const unit = withUnit && q.unit ? formatUnit(q.unit) : ''
  return sign + number(q.n, q.written) + (unit === '' ? '' : unit === '%' ? '%' : ` ${unit}`)
}
