import { Button, Buttons, Dialog } from '@medunion/ui'
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../texts/index.ts'
import { useWorkplace } from './context.ts'
import { IdleClock } from './idle.ts'

const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

/** Locks the keys when nobody uses the page, a minute after having said so. */
export function IdleWatch() {
  const place = useWorkplace()
  const minutes = place.idleMinutes
  const clock = useRef(new IdleClock(minutes * 60_000))
  const [left, setLeft] = useState<number>()
  useEffect(() => {
    clock.current = new IdleClock(minutes * 60_000)
    const touch = () => clock.current.touch()
    const look = () => {
      const state = clock.current.state()
      if (state === 'over') void place.lock('idle')
      setLeft(state === 'warned' ? Math.ceil(clock.current.left() / 1000) : undefined)
    }
    const timer = setInterval(look, 1000)
    signs.forEach((s) => addEventListener(s, touch, { passive: true }))
    document.addEventListener('visibilitychange', look)
    return () => {
      clearInterval(timer)
      signs.forEach((s) => removeEventListener(s, touch))
      document.removeEventListener('visibilitychange', look)
    }
  }, [place, minutes])
  const stay = () => {
    clock.current.stay()
    setLeft(undefined)
  }
  const open = place.visits.filter((v) => v.state === 'open').length
  return (
    <Dialog
      open={left !== undefined}
      title={t('idle.title')}
      onClose={stay}
      actions={
        <Buttons>
          <Button kind="primary" onClick={stay}>{t('idle.stay')}</Button>
          <Button icon="lock" onClick={() => void place.lock('asked')}>{t('idle.lock')}</Button>
        </Buttons>
      }
    >
      <p class="mu-number">{t('idle.text', { seconds: left ?? 0 })}</p>
      {open > 0 && <p>{t('idle.visits', { count: open })}</p>}
    </Dialog>
  )
}
