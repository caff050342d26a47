/** `st-anna` as people write it: the directory knows identifiers only. */
export function hospitalName(id: string): string {
  return id
    .split(/[-._]+/)
    .filter((s) => s !== '')
    .map((s) => s[0]!.toUpperCase() + s.slice(1))
    .join(' ')
}

/** A code for which there is no text yet, made readable. */
export function readable(code: string): string {
  const words = code.replaceAll('_', ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
