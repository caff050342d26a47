import { Heading } from '@medunion/ui'
import { observationOf } from '../select/series'
import { normal } from '../fhir/value'
import { t } from '../texts'
import type { Item, Report } from '../types'
import { refWords, titleOf } from '../words/title'
import { rangeWords } from '../words/value'
import { useChart } from './context'
import { OpenLink, ValueMark } from './parts'

/** A diagnostic report's conclusion and the results that it rests on. */
export function ReportPart({ item, report }: { item: Item; report: Report }) {
  const { store } = useChart()
  const told = [report.conclusion, ...report.conclusions.map((c) => c.text)].filter((x): x is string => x !== undefined)
  return (
    <>
      {told.length > 0 && <Heading level={3} size={4}>{t('report.conclusion')}</Heading>}
      {told.map((text, i) => <div key={i} class="rec-text">{text}</div>)}
      {report.results.length > 0 && (
        <table class="mu-table mu-table--dense">
          <caption class="mu-table__caption">{t('report.results')}</caption>
          <thead>
            <tr><th scope="col">{t('col.test')}</th><th scope="col">{t('col.value')}</th><th scope="col">{t('col.range')}</th></tr>
          </thead>
          <tbody>
            {report.results.map((r, i) => {
              const result = store.item(store.resolve(item.hospital, r.to))
              return result ? <Result key={i} item={result} /> : <tr key={i}><th scope="row">{refWords(store, item.hospital, r) ?? t('value.none')}</th><td colSpan={2} class="rec-quiet">{t('report.missing')}</td></tr>
            })}
          </tbody>
        </table>
      )}
    </>
  )
}

function Result({ item }: { item: Item }) {
  const { store } = useChart()
  const o = observationOf(item)
  return (
    <tr>
      <th scope="row"><OpenLink item={item}>{titleOf(item, store)}</OpenLink></th>
      <td>{o && <ValueMark observation={o} strong />}</td>
      <td>{(o && rangeWords(normal(o.ranges))) ?? <span class="rec-quiet">{t('no.range')}</span>}</td>
    </tr>
  )
}
