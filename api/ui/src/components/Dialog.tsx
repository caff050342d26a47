import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { word } from '../words.ts'
import { Button } from './Button.tsx'

export interface DialogProps {
  open: boolean
  title: ComponentChildren
  /** Asked for by Escape or the cross. The caller sets open. */
  onClose: () => void
  /** What can be done: buttons. */
  actions?: ComponentChildren
  /** Without a cross and deaf to Escape, for what must be answered. */
  modal?: 'answer'
  wide?: boolean
  children?: ComponentChildren
}

/** A question or preview above the page, which holds the focus until it is closed. */
export function Dialog({ open, title, onClose, actions, modal, wide, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const d = box.current
    if (!d) return
    if (open && !d.open) openAtTitle(d, id)
    else if (!open && d.open) d.close()
  }, [open])
  const cancel = (e: Event) => {
    e.preventDefault()
    if (modal !== 'answer') onClose()
  }
  return (
    <dialog class={`mu-dialog${wide ? ' mu-dialog--wide' : ''}`} ref={box} aria-labelledby={id} onCancel={cancel}>
      {open && (
        <>
          <header class="mu-dialog__head">
            <h2 class="mu-heading mu-heading--3" id={id} tabIndex={-1}>{title}</h2>
            {modal !== 'answer' && <Button kind="quiet" size="small" icon="cross" aria-label={word('close')} onClick={onClose} />}
          </header>
          <div class="mu-dialog__body">{children}</div>
          {actions && <footer class="mu-dialog__foot">{actions}</footer>}
        </>
      )}
    </dialog>
  )
}

// A field that asks for it gets the focus; else the title, so that a dialog is
// read from its beginning and not from its cross.
function openAtTitle(d: HTMLDialogElement, title: string) {
  d.showModal()
  if (!document.activeElement?.matches('input, textarea, select')) document.getElementById(title)?.focus()
}
