import { readShow, readTheme, type Said, type Show } from './protocol'

// The policy governs what is fetched, not calls between browsers: whatever takes over this
// frame shall not find them either.
for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport']) Reflect.deleteProperty(globalThis, name)

const content = document.getElementById('content') as HTMLElement

/** The page outside is whoever framed us: our policy's frame-ancestors says that it is our own. */
function say(kind: Said['kind']): void {
  parent.postMessage({ kind } satisfies Said, '*')
}

function dark(on: boolean): void {
  document.documentElement.toggleAttribute('data-dark', on)
}

async function show(s: Show): Promise<void> {
  dark(s.dark)
  document.documentElement.lang = s.language
  document.title = s.title
  content.setAttribute('aria-label', s.title)
  try {
    if (s.type === 'application/pdf') await (await import('./pdf')).showPDF(s, content)
    else await (await import('./image')).showImage(s, content)
    say('shown')
  } catch (e) {
    say((e as { name?: unknown } | null)?.name === 'PasswordException' ? 'password' : 'failed')
  }
}

let begun = false
addEventListener('message', (e: MessageEvent<unknown>) => {
  if (e.source !== parent) return
  const theme = readTheme(e.data)
  if (theme !== undefined) dark(theme)
  const wanted = readShow(e.data)
  // One document for each frame: the next one gets a new frame.
  if (!wanted || begun) return
  begun = true
  void show(wanted)
})
say('ready')
