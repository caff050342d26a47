/** The first bytes of the types that are shown, which count for more than what a hospital says of a file. */
const marks: readonly { type: string; at: number; bytes: readonly number[] }[] = [
  { type: 'image/jpeg', at: 0, bytes: [0xff, 0xd8, 0xff] },
  { type: 'image/png', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { type: 'image/gif', at: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  { type: 'image/webp', at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
  { type: 'application/dicom', at: 128, bytes: [0x44, 0x49, 0x43, 0x4d] },
]

/** "%PDF-", which readers look for in the first 1024 bytes. */
const pdf = [0x25, 0x50, 0x44, 0x46, 0x2d]

/** The types whose content is known by its first bytes: without them it is something else. */
const known = new Set([...marks.map((m) => m.type), 'application/pdf'])

/**
 * What a file is, by its content; as declared where the content does not tell. A file that
 * is declared as one of the known types but does not begin like it is of no known type.
 */
export function looksLike(bytes: Uint8Array, declared: string): string {
  for (const m of marks) if (m.bytes.every((b, i) => bytes[m.at + i] === b)) return m.type
  for (let at = 0; at < Math.min(1024, bytes.length); at++) if (pdf.every((b, i) => bytes[at + i] === b)) return 'application/pdf'
  return known.has(declared) ? 'application/octet-stream' : declared
}
