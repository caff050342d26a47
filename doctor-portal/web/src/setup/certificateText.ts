const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * The JWT in what an authority handed out: itself, with line breaks, in quotes, or
 * as the member "certificate" of a JSON object. Undefined if there is none. Whether
 * it is any good, the doctor's role decides.
 */
export function certificateText(text: string): string | undefined {
  const plain = text.replace(/\s+/g, '').replace(/^"|"$/g, '')
  if (jwt.test(plain)) return plain
  try {
    const inner: unknown = (JSON.parse(text) as { certificate?: unknown }).certificate
    return typeof inner === 'string' && jwt.test(inner.trim()) ? inner.trim() : undefined
  } catch {
    return undefined
  }
}
