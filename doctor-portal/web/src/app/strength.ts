export type Strength = 'short' | 'weak' | 'fair' | 'good'

/** What the store accepts at least, in characters. */
export const shortest = 12

/**
 * How hard a passphrase is to guess, roughly: by its length and how many different
 * characters and words it has. It is a hint while typing, not a promise.
 */
export function strength(passphrase: string): Strength {
  const length = [...passphrase].length
  if (length < shortest) return 'short'
  const different = new Set(passphrase.toLowerCase()).size
  const words = passphrase.trim().split(/[\s\-_.]+/).filter((w) => w.length > 2)
  const unlike = new Set(words.map((w) => w.toLowerCase())).size
  if (different < 6) return 'weak'
  if (unlike >= 5 || (length >= 20 && different >= 12)) return 'good'
  return unlike >= 4 || (length >= 16 && different >= 10) ? 'fair' : 'weak'
}
