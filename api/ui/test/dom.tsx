import { render, type ComponentChildren } from 'preact'
import { act } from 'preact/test-utils'
import axe from 'axe-core'

/** Renders into the document and returns where. */
export async function show(children: ComponentChildren): Promise<HTMLElement> {
  const root = document.createElement('div')
  document.body.replaceChildren(root)
  await act(() => render(children, root))
  return root
}

export async function does(f: () => void | Promise<void>) {
  await act(f)
}

export function press(el: Element, key: string, more: KeyboardEventInit = {}) {
  return does(() => void el.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })))
}

export function type(el: Element, text: string) {
  return does(() => {
    ;(el as HTMLInputElement).value = text
    el.dispatchEvent(new InputEvent('input', { bubbles: true }))
  })
}

/** What axe finds, but what needs a layout, which jsdom has not. */
export async function violations(root: Element): Promise<string[]> {
  const found = await axe.run(root, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false }, 'target-size': { enabled: false } } })
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)
}
