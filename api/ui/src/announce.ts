const regions: { polite?: HTMLElement; assertive?: HTMLElement } = {}

function region(kind: 'polite' | 'assertive'): HTMLElement {
  const there = regions[kind]
  if (there?.isConnected) return there
  const box = document.createElement('div')
  box.className = 'mu-hidden'
  box.setAttribute('aria-live', kind)
  // Beside the pages' landmarks; a role makes it one of its own.
  box.setAttribute('role', kind === 'polite' ? 'status' : 'alert')
  document.body.append(box)
  return (regions[kind] = box)
}

let pending: string[] = []
let timer: ReturnType<typeof setTimeout> | undefined

/**
 * Has screen readers say something that only the eye would notice: progress,
 * success, an arrival. Texts that come together are said together. Urgent ones
 * interrupt.
 */
export function announce(text: string, options: { urgent?: boolean } = {}) {
  if (options.urgent) return say(region('assertive'), text)
  pending.push(text)
  region('polite') // must exist for a moment before it speaks
  timer ??= setTimeout(() => {
    say(region('polite'), pending.join('. '))
    pending = []
    timer = undefined
  }, 150)
}

// An own element per text, so that the same words are said again.
function say(box: HTMLElement, text: string) {
  const line = document.createElement('div')
  line.textContent = text
  box.replaceChildren(line)
}
