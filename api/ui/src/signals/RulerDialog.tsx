import { useEffect, useState } from 'preact/hooks'
import { Button } from '../components/Button.tsx'
import { Dialog } from '../components/Dialog.tsx'
import { word } from '../words.ts'
import { pxPerMm, setPxPerMm, usualPxPerMm } from './ruler.ts'

// ISO/IEC 7810 ID-1: every bank card.
const card = { width: 85.6, height: 53.98 }

/** Has the user measure the screen with a bank card, once. */
export function RulerDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [px, setPx] = useState(pxPerMm())
  useEffect(() => setPx(pxPerMm()), [open])
  const keep = () => {
    setPxPerMm(px)
    onClose()
  }
  const usual = () => {
    setPxPerMm(undefined)
    onClose()
  }
  return (
    <Dialog
      open={open}
      title={word('rulerTitle')}
      onClose={onClose}
      wide
      actions={
        <>
          <Button kind="primary" onClick={keep}>{word('rulerKeep')}</Button>
          <Button onClick={usual}>{word('rulerReset')}</Button>
        </>
      }
    >
      <p>{word('rulerHow')}</p>
      <div class="mu-ruler">
        <svg width={card.width * px} height={card.height * px} aria-hidden="true" focusable="false">
          <rect x="1" y="1" width={card.width * px - 2} height={card.height * px - 2} rx={3.2 * px} />
        </svg>
      </div>
      <label class="mu-ruler__slider">
        {word('rulerSlider')}
        <input type="range" min={usualPxPerMm * 0.5} max={usualPxPerMm * 2} step={0.005} value={px} onInput={(e) => setPx(Number(e.currentTarget.value))} />
      </label>
    </Dialog>
  )
}
