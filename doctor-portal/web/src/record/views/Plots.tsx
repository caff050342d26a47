import { LinePlot, type Band } from '@medunion/ui/signals'
import type { Line, Series } from '../select/series'
import { t } from '../texts'

/** The values of a test over time, one plot for each unit. A single value needs none. */
export function Plots({ series }: { series: Series }) {
  const byUnit = new Map<string, Line[]>()
  for (const l of series.lines) {
    byUnit.set(l.unit, [...(byUnit.get(l.unit) ?? []), l])
  }
  const plots = [...byUnit].filter(([, lines]) => lines.some((l) => l.points.length > 1))
  return (
    <>
      {plots.length > 1 && <p class="rec-quiet">{t('results.units')}</p>}
      {plots.map(([unit, lines]) => (
        <LinePlot key={unit} label={t('results.plot', { title: series.title })} series={lines.map(({ name, points }) => ({ name, points }))} unit={unit} {...band(lines)} />
      ))}
    </>
  )
}

/** The reference range, where there is one line only, which it would hold for. */
function band(lines: readonly Line[]): { band?: Band } {
  const range = lines.length === 1 ? lines[0]?.range : undefined
  const limits = { ...(range?.low ? { low: range.low.n } : {}), ...(range?.high ? { high: range.high.n } : {}) }
  return range?.low || range?.high ? { band: limits } : {}
}
