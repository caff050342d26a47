import { Callout, language, onThemeChange, theme } from '@medunion/ui'
import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../texts'

/**
 * Where the viewer of documents is served. It is loaded into a frame without an origin of
 * its own: it can read nothing of this page, and its policy lets it reach nobody.
 */
const viewer = '/viewer/'

type State = 'loading' | 'shown' | 'failed' | 'password'

interface Props {
  bytes: Uint8Array
  type: string
  title: string
}

/** A PDF or an image within the sealed frame, which gets a copy of its bytes as a message. */
export function Frame({ bytes, type, title }: Props) {
  const frame = useRef<HTMLIFrameElement>(null)
  const [state, setState] = useState<State>('loading')
  useEffect(() => {
    setState('loading')
    const heard = (e: MessageEvent<unknown>) => {
      const inner = frame.current?.contentWindow
      if (!inner || e.source !== inner) return
      const said = kindOf(e.data)
      if (said === 'ready') show(inner, bytes, type, title)
      else if (said) setState(said)
    }
    addEventListener('message', heard)
    return () => removeEventListener('message', heard)
  }, [bytes, type, title])
  useEffect(() => onThemeChange(() => frame.current?.contentWindow?.postMessage({ kind: 'theme', dark: isDark() }, '*')), [])
  return (
    <div class="rec-frame">
      {state === 'loading' && <p class="rec-quiet" role="status">{t('documents.loading')}</p>}
      {state === 'failed' && <Callout tone="warn" title={t('documents.failed')} urgent />}
      {state === 'password' && <Callout tone="info" title={t('documents.password')} urgent />}
      <iframe
        ref={frame}
        class={state === 'failed' || state === 'password' ? 'rec-frame__gone' : ''}
        src={viewer}
        title={title}
        sandbox="allow-scripts"
        referrerpolicy="no-referrer"
      />
      <p class="rec-quiet">{t('documents.sealed')}</p>
    </div>
  )
}

/** What the frame may say; anything else is not heard. */
function kindOf(data: unknown): 'ready' | 'shown' | 'failed' | 'password' | undefined {
  const kind = typeof data === 'object' && data !== null ? (data as { kind?: unknown }).kind : undefined
  return kind === 'ready' || kind === 'shown' || kind === 'failed' || kind === 'password' ? kind : undefined
}

/** The frame has no origin that could be named, so that the message is for whoever is in it: our own viewer (frame-src 'self'). */
function show(inner: Window, bytes: Uint8Array, type: string, title: string): void {
  const copy = bytes.slice().buffer
  inner.postMessage({ kind: 'show', type, title, data: copy, dark: isDark(), language: language(), texts: texts() }, '*', [copy])
}

function isDark(): boolean {
  return theme() === 'dark' || (theme() === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
}

/** The words of the frame's controls, with {page} and {pages} left for it to fill in. */
function texts() {
  return {
    page: t('documents.page', { page: '{page}', pages: '{pages}' }),
    next: t('documents.next'),
    previous: t('documents.previous'),
    in: t('documents.in'),
    out: t('documents.out'),
    fit: t('documents.fit'),
    turn: t('documents.turn'),
  }
}
