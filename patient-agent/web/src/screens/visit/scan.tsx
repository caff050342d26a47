import { useEffect, useRef, useState } from 'preact/hooks'
import { Button, Callout, FileInput, TextArea } from '@medunion/ui'
import { cameraTrouble, closeCamera, decoder, openCamera, readPicture, type CameraTrouble } from '../../logic/camera.ts'
import { newDraft } from '../../logic/draft.ts'
import { doctorLink } from '../../logic/link.ts'
import { draft, recordings } from '../../parts/draft.ts'
import { go, to } from '../../parts/route.ts'
import { Actions, Lead, Screen } from '../../parts/screen.tsx'
import { t } from '../../parts/text.ts'

/** Begins a visit with the doctor of a link; false if the text is none. */
function begin(text: string): boolean {
  const link = doctorLink(text)
  if (link === undefined) return false
  if (draft.get()?.link !== link) {
    recordings.set([])
    draft.set(newDraft(link))
  }
  go(to.doctor)
  return true
}

export function Scan() {
  const [looking, look] = useState(false)
  const [trouble, setTrouble] = useState<CameraTrouble>()
  const [wrong, setWrong] = useState(false)
  return (
    <Screen title={t('scan.title')} back={to.home} step={1}>
      {looking ? (
        <Viewfinder
          wrong={wrong}
          found={(text) => {
            const ok = begin(text)
            setWrong(!ok)
            return ok
          }}
          failed={(why) => {
            setTrouble(why)
            look(false)
          }}
          stop={() => look(false)}
        />
      ) : (
        <>
          <Lead>{t('scan.text')}</Lead>
          {trouble && <Refused why={trouble} />}
          <Actions>
            <Button
              kind="primary"
              size="wide"
              icon="camera"
              onClick={() => {
                setTrouble(undefined)
                setWrong(false)
                look(true)
              }}
            >
              {trouble ? t('app.retry') : t('scan.start')}
            </Button>
            <Button size="wide" icon="edit" href={to.paste}>
              {t('scan.paste')}
            </Button>
          </Actions>
          <Picture />
        </>
      )}
    </Screen>
  )
}

function Refused({ why }: { why: CameraTrouble }) {
  if (why === 'busy') return <Callout tone="warn" title={t('scan.busy')} urgent />
  return (
    <Callout tone="warn" title={t(`scan.${why}`)} urgent>
      <p>{t(`scan.${why}.text`)}</p>
    </Callout>
  )
}

interface ViewfinderProps {
  wrong: boolean
  found: (text: string) => boolean
  failed: (why: CameraTrouble) => void
  stop: () => void
}

/** How often a picture is looked at, in milliseconds. */
const interval = 150

/** The camera's picture, looked at until a doctor's code is in it. The camera goes off with it. */
function Viewfinder({ wrong, found, failed, stop }: ViewfinderProps) {
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    let stream: MediaStream | undefined
    let over = false
    const end = () => {
      over = true
      closeCamera(stream)
    }
    const watch = async () => {
      const [decode, opened] = await Promise.all([decoder(), openCamera()])
      stream = opened
      const picture = video.current
      if (over || picture === null) return end()
      picture.srcObject = stream
      await picture.play().catch(() => undefined)
      while (!over) {
        const ready = picture.readyState >= 2 && picture.videoWidth > 0
        const text = ready ? await decode(picture, picture.videoWidth, picture.videoHeight) : undefined
        if (!over && text !== undefined && found(text)) return end()
        await new Promise((next) => setTimeout(next, interval))
      }
    }
    watch().catch((e: unknown) => {
      if (!over) failed(cameraTrouble(e))
      end()
    })
    return end
  }, [])
  return (
    <>
      <div class="pp-finder">
        <video ref={video} muted playsInline aria-label={t('scan.video')} />
      </div>
      <p role="status">{wrong ? t('scan.wrong') : t('scan.looking')}</p>
      <Actions>
        <Button size="wide" onClick={stop}>
          {t('scan.stop')}
        </Button>
      </Actions>
    </>
  )
}

function Picture() {
  const [error, setError] = useState<string>()
  const read = async (file: File | undefined) => {
    setError(undefined)
    if (file === undefined) return
    const text = await readPicture(file).catch(() => undefined)
    if (text === undefined) setError(t('scan.photo.none'))
    else if (!begin(text)) setError(t('scan.wrong'))
  }
  return <FileInput label={t('scan.photo')} accept="image/*" files={[]} error={error} onFiles={(list) => void read(list[0])} />
}

export function Paste() {
  const [link, setLink] = useState('')
  const [error, setError] = useState<string>()
  const submit = (e: Event) => {
    e.preventDefault()
    setError(begin(link) ? undefined : t('paste.wrong'))
  }
  return (
    <Screen title={t('paste.title')} back={to.scan} step={1}>
      <form onSubmit={submit} noValidate>
        <TextArea label={t('paste.label')} hint={t('paste.hint')} error={error} value={link} onInput={setLink} rows={4} autocapitalize="none" spellcheck={false} maxLength={2048} />
        <Actions>
          <Button kind="primary" size="wide" type="submit">
            {t('paste.do')}
          </Button>
        </Actions>
      </form>
    </Screen>
  )
}
