import type { ComponentChildren, HTMLAttributes, JSX, Ref } from 'preact'
import { word } from '../words.ts'
import { Icon, type IconName } from './Icon.tsx'

type Native = Omit<HTMLAttributes<HTMLButtonElement>, 'class' | 'icon' | 'size' | 'role' | 'onClick'>
type Link = JSX.IntrinsicElements['a']
type Plain = JSX.IntrinsicElements['button']

export interface ButtonProps extends Native {
  /** primary: the one thing to do here; warning: cannot be undone; quiet: looks like text. */
  kind?: 'primary' | 'secondary' | 'warning' | 'quiet'
  size?: 'small' | 'normal' | 'wide'
  /** Working: the button keeps its place and focus, ignores clicks and says so. */
  busy?: boolean
  icon?: IconName
  type?: 'button' | 'submit' | 'reset'
  disabled?: boolean
  name?: string
  value?: string
  form?: string
  class?: string
  role?: 'tab' | 'menuitem' | 'switch'
  onClick?: (e: MouseEvent) => void
  buttonRef?: Ref<HTMLButtonElement>
  /** Renders a link that looks like a button. */
  href?: string
  download?: string
  children?: ComponentChildren
}

export function Button(props: ButtonProps) {
  const { kind = 'secondary', size = 'normal', busy = false, icon, href, download, children, class: extra, onClick, buttonRef, ...rest } = props
  const classes = ['mu-button', `mu-button--${kind}`, `mu-button--${size}`, extra].filter(Boolean).join(' ')
  const inner = (
    <>
      {busy ? <span class="mu-spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children !== undefined && <span class="mu-button__text">{children}</span>}
      {busy && <span class="mu-hidden">{word('busy')}</span>}
    </>
  )
  if (href !== undefined) {
    return (
      <a {...({ ...rest, href, download, onClick, class: classes } as Link)}>
        {inner}
      </a>
    )
  }
  return (
    <button
      type="button"
      {...(rest as Plain)}
      ref={buttonRef}
      class={classes}
      aria-disabled={busy || rest['aria-disabled'] ? 'true' : undefined}
      onClick={(e) => (busy ? e.preventDefault() : onClick?.(e))}
    >
      {inner}
    </button>
  )
}

/** Buttons in a row that wraps; the most important first. */
export function Buttons({ children }: { children: ComponentChildren }) {
  return <div class="mu-buttons">{children}</div>
}
