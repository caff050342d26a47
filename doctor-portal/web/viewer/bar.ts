import type { Show, Word } from './protocol'

/** What can be done with what is shown. */
export interface Actions {
  turn: () => void
  zoom: (factor: number) => void
  fit: () => void
  /** Goes so many pages on; undefined for a single image. */
  go?: (pages: number) => void
}

const signs: Record<Exclude<Word, 'page'>, string> = { previous: '↑', next: '↓', out: '−', in: '+', fit: '↔', turn: '↻' }

/** Fills the bar. Returns how to tell which page shows. */
export function fillBar(show: Show, a: Actions): (page: number, pages: number) => void {
  const bar = document.getElementById('bar') as HTMLElement
  const where = document.createElement('output')
  const step = (name: Exclude<Word, 'page'>, act: () => void) => bar.append(button(show.texts[name], signs[name], act))
  bar.setAttribute('aria-label', show.title)
  bar.replaceChildren()
  if (a.go) {
    step('previous', () => a.go?.(-1))
    step('next', () => a.go?.(1))
  }
  bar.append(where)
  step('out', () => a.zoom(1 / 1.25))
  step('in', () => a.zoom(1.25))
  step('fit', a.fit)
  step('turn', a.turn)
  bar.hidden = false
  return (page, pages) => {
    where.textContent = show.texts.page.replace('{page}', String(page)).replace('{pages}', String(pages))
  }
}

function button(name: string, sign: string, act: () => void): HTMLButtonElement {
  const b = document.createElement('button')
  b.type = 'button'
  b.textContent = sign
  b.title = name
  b.setAttribute('aria-label', name)
  b.addEventListener('click', act)
  return b
}
