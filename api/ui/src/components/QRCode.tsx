import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { encode } from 'uqr'

/** The dark modules of a QR code as one SVG path, in modules, with a quiet zone of 4. */
export function qrPath(text: string): { path: string; size: number } {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  const runs: string[] = []
  data.forEach((row, y) => {
    for (let x = 0; x < size; x++) {
      if (!row[x]) continue
      const start = x
      while (x < size && row[x]) x++
      runs.push(`M${start} ${y}h${x - start}v1h${start - x}z`)
    }
  })
  return { path: runs.join(''), size }
}

export interface QRCodeProps {
  text: string
  /** Of its sides in CSS pixels; it shrinks where there is less room. */
  size?: number
  /** What a screen reader says of it. */
  label: string
}

/** A QR code, black on white in every appearance: scanners expect that. */
export function QRCode({ text, size = 256, label }: QRCodeProps) {
  const code = useMemo(() => qrPath(text), [text])
  return (
    <svg class="mu-qr" viewBox={`0 0 ${code.size} ${code.size}`} width={size} height={size} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect width={code.size} height={code.size} fill="#fff" />
      <path d={code.path} fill="#000" />
    </svg>
  )
}

export interface QRCardProps extends QRCodeProps {
  title: ComponentChildren
  /** Who this is; below the title. */
  about?: ComponentChildren
  /** How to use it; below the code. */
  children?: ComponentChildren
}

/** A card to show or print: when the page is printed, it alone is on the paper. */
export function QRCard({ title, about, children, ...code }: QRCardProps) {
  return (
    <section class="mu-qrcard mu-printable">
      <p class="mu-heading mu-heading--2">{title}</p>
      {about && <div class="mu-qrcard__about">{about}</div>}
      <QRCode {...code} />
      {children && <div class="mu-qrcard__how">{children}</div>}
    </section>
  )
}
