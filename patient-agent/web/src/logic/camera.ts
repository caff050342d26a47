import type jsQR from 'jsqr'

/** Finds the text of a QR code in a picture; undefined if there is none. */
export type Decode = (source: CanvasImageSource, width: number, height: number) => Promise<string | undefined>

interface Detector {
  detect: (source: CanvasImageSource) => Promise<{ rawValue: string }[]>
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector
  getSupportedFormats: () => Promise<string[]>
}

/** The browser's own decoder where it has one for QR codes, else one in JavaScript, loaded only then. */
export async function decoder(): Promise<Decode> {
  const own = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector
  const formats = await own?.getSupportedFormats().catch((): string[] => [])
  if (own && formats?.includes('qr_code')) {
    const d = new own({ formats: ['qr_code'] })
    return async (source) => (await d.detect(source).catch(() => []))[0]?.rawValue
  }
  const { default: read } = await import('jsqr')
  return byScript(read)
}

/** The longer side of what the script looks at: enough for a code, little enough for a phone. */
const side = 800

function byScript(read: typeof jsQR): Decode {
  const canvas = document.createElement('canvas')
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  return (source, width, height) => {
    const scale = Math.min(1, side / Math.max(width, height))
    canvas.width = Math.max(1, Math.round(width * scale))
    canvas.height = Math.max(1, Math.round(height * scale))
    pen?.drawImage(source, 0, 0, canvas.width, canvas.height)
    const image = pen?.getImageData(0, 0, canvas.width, canvas.height)
    const found = image && read(image.data, image.width, image.height)
    return Promise.resolve(found?.data || undefined)
  }
}

/** Why there is no picture. */
export type CameraTrouble = 'denied' | 'missing' | 'busy'

export function cameraTrouble(e: unknown): CameraTrouble {
  const name = e instanceof DOMException || e instanceof Error ? e.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'missing'
}

/** The camera at the back, if there is a choice. Throws what cameraTrouble reads. */
export async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new DOMException('no secure context', 'NotFoundError')
  return await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 } } })
}

export function closeCamera(stream: MediaStream | undefined): void {
  stream?.getTracks().forEach((track) => track.stop())
}

/** Reads a QR code from a picture file. */
export async function readPicture(file: Blob): Promise<string | undefined> {
  const picture = await createImageBitmap(file)
  try {
    const decode = await decoder()
    return await decode(picture, picture.width, picture.height)
  } finally {
    picture.close()
  }
}
