/** What the record's page sends into the frame. */
export interface Show {
  readonly kind: 'show'
  /** The media type, by the file's content. */
  readonly type: string
  readonly title: string
  readonly data: ArrayBuffer
  readonly dark: boolean
  readonly language: string
  readonly texts: Readonly<Record<Word, string>>
}

export const words = ['page', 'next', 'previous', 'in', 'out', 'fit', 'turn'] as const
export type Word = (typeof words)[number]

/** What the frame says: never more than that something happened. */
export type Said = { readonly kind: 'ready' | 'shown' | 'failed' | 'password' }

/** Reads a message; undefined if it is none of ours. */
export function readShow(data: unknown): Show | undefined {
  const o = data as Partial<Show> | null
  if (typeof o !== 'object' || o === null || o.kind !== 'show' || !(o.data instanceof ArrayBuffer)) return undefined
  const texts = o.texts
  if (typeof o.type !== 'string' || typeof o.title !== 'string' || typeof texts !== 'object' || texts === null) return undefined
  return words.every((w) => typeof texts[w] === 'string') ? (o as Show) : undefined
}

export function readTheme(data: unknown): boolean | undefined {
  const o = data as { kind?: unknown; dark?: unknown } | null
  return typeof o === 'object' && o !== null && o.kind === 'theme' && typeof o.dark === 'boolean' ? o.dark : undefined
}
