import { Card, Details, Fingerprint, formatDateTime, SummaryList, Table } from '@medunion/ui'
import type { Consent } from '../app/practice.ts'
import { codeList, codeWords, t } from '../texts/index.ts'

/** The consent in words. */
export function ConsentCard({ consent: c }: { consent: Consent }) {
  return (
    <Card title={t('consent.title')} dense>
      <p>{t('consent.sentence', { purpose: codeWords('purpose', c.purpose), department: codeWords('department', c.department) })}</p>
      <SummaryList
        dense
        rows={[
          { key: t('consent.until'), value: formatDateTime(c.expires) },
          { key: t('consent.searches'), value: t('consent.usesOf', { uses: c.uses, max: c.maxUses }) },
          { key: t('consent.writeTo'), value: c.writeTo ?? t('consent.noWrite') },
        ]}
      />
      <Table
        caption={t('consent.grants')}
        captionHidden
        dense
        rows={c.grants}
        rowKey={(g) => g.hospital}
        columns={[
          { key: 'hospital', head: t('consent.hospital'), rowHead: true, nowrap: true, cell: (g) => g.hospital },
          { key: 'classes', head: t('consent.classes'), cell: (g) => <>{codeList('class', g.classes)}<span class="dp-from">{t('consent.departments')}: {codeList('department', g.departments)}</span></> },
        ]}
      />
      <Details summary={t('app.technical')}>
        <p class="dp-small">{t('consent.hash')}<br /><Fingerprint value={c.hash} /></p>
        <p class="dp-small">{t('consent.from')} {formatDateTime(c.notBefore, { seconds: true })}</p>
      </Details>
    </Card>
  )
}
