import { Callout } from '@medunion/ui'
import { t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'

/** Why the keys are locked or gone, for the screen that comes after. */
export function Said() {
  const { locked } = useWorkplace()
  if (locked === 'start') return null
  return (
    <div role="status">
      <Callout tone={locked === 'idle' ? 'warn' : 'info'} title={t(`unlock.${locked}`)}>
        {locked !== 'erased' && <p>{t('unlock.wiped')}</p>}
      </Callout>
    </div>
  )
}
