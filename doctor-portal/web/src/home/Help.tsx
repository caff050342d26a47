import { Card, Heading, SummaryList, useTitle } from '@medunion/ui'
import { useWorkplace } from '../app/context.ts'
import { t } from '../texts/index.ts'

const steps = [1, 2, 3, 4, 5] as const
const keys = ['tab', 'arrows', 'escape', 'ecg'] as const
const words = ['selfStated', 'verified', 'notShared'] as const

/** The few things that the page does not say where they happen. */
export function Help() {
  useTitle(t('help.title'))
  const { version } = useWorkplace()
  return (
    <>
      <Heading level={1}>{t('help.title')}</Heading>
      <div class="dp-cards">
        <Card title={t('help.visit')}><ol class="dp-points">{steps.map((n) => <li key={n}>{t(`help.visit.${n}`)}</li>)}</ol></Card>
        <Card title={t('help.words')}>
          <SummaryList rows={words.map((w) => ({ key: t(`help.words.${w}`), value: t(`help.words.${w}Text`) }))} />
        </Card>
        <Card title={t('help.keys')}><ul class="dp-points">{keys.map((k) => <li key={k}>{t(`help.keys.${k}`)}</li>)}</ul></Card>
      </div>
      {version && <p class="mu-quiet">{t('help.version', { version })}</p>}
    </>
  )
}
