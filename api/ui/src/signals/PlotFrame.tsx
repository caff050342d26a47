import type { ComponentChildren, Ref } from 'preact'
import { useId } from 'preact/hooks'
import { Button } from '../components/Button.tsx'
import { word } from '../words.ts'
import { plotKeys, type Gestures } from './gestures.ts'

export interface PlotFrameProps {
  label: string
  /** All that the plot shows, in words. */
  alternative: string
  gestures: Gestures
  width: number
  /** What 0 and the button for it go back to. */
  back: string
  /** Beside the plot's buttons. */
  tools?: ComponentChildren
  /** Above the plot at the left, such as the value under the cursor. */
  readout?: ComponentChildren
  /** Which line is which, if there are several. */
  legend?: ComponentChildren
  /** Below the plot. */
  children?: ComponentChildren
  area: Ref<HTMLDivElement>
  canvas?: ComponentChildren
}

/** A plot with its name, buttons, keys and words. */
export function PlotFrame(p: PlotFrameProps) {
  const id = useId()
  const { zoom, pan, reset } = p.gestures
  return (
    <figure class="mu-plot">
      <figcaption class="mu-plot__head">
        <span class="mu-plot__label">{p.label}</span>
        {p.legend}
        <span class="mu-plot__readout" aria-hidden="true">{p.readout}</span>
        <span class="mu-plot__tools mu-noprint">
          {p.tools}
          <Button kind="quiet" size="small" icon="chevron-left" aria-label={word('earlier')} title={word('earlier')} onClick={() => pan(-0.5 * p.width)} />
          <Button kind="quiet" size="small" icon="chevron-right" aria-label={word('later')} title={word('later')} onClick={() => pan(0.5 * p.width)} />
          <Button kind="quiet" size="small" icon="minus" aria-label={word('zoomOut')} title={word('zoomOut')} onClick={() => zoom(Math.SQRT2, p.width / 2)} />
          <Button kind="quiet" size="small" icon="plus" aria-label={word('zoomIn')} title={word('zoomIn')} onClick={() => zoom(1 / Math.SQRT2, p.width / 2)} />
          <Button kind="quiet" size="small" onClick={reset}>{p.back}</Button>
        </span>
      </figcaption>
      <div class="mu-plot__area" ref={p.area} role="group" aria-label={p.label} aria-describedby={`${id}-alt ${id}-keys`} tabIndex={0} onKeyDown={plotKeys(p.gestures, p.width)}>
        {p.canvas}
      </div>
      {p.children}
      <p class="mu-hidden" id={`${id}-alt`}>{p.alternative}</p>
      <p class="mu-hidden" id={`${id}-keys`}>{word('plotKeys')}</p>
    </figure>
  )
}
