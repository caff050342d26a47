/**
 * A doctor's link, `<portal>/visit#<c_D>`, as it stands in her QR code. The agent checks it again and
 * verifies the doctor behind it; this only tells a wrong code from a right one at once.
 */
export function doctorLink(text: string): string | undefined {
  const link = text.trim()
  if (link.length > 2048) return undefined
  let url: URL
  try {
    url = new URL(link)
  } catch {
    return undefined
  }
  const web = url.protocol === 'https:' || url.protocol === 'http:'
  if (!web || url.pathname !== '/visit' || url.search !== '' || url.username !== '') return undefined
  return /^#[0-9a-f]{64}$/.test(url.hash) ? link : undefined
}
