/** Elements whose end is the end of a line. */
const blocks = /<\/?(?:p|div|br|li|ul|ol|tr|table|h[1-6]|blockquote|pre|hr|dt|dd|thead|tbody|section)\b[^<>]*>/gi

const entities = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['apos', "'"], ['nbsp', ' ']])

/** How much of a narrative is shown, in characters of markup. */
const most = 200_000

/**
 * The text of a narrative. It is never parsed as HTML nor shown as such: whatever stands
 * between angle brackets is removed, and the rest is text, so that no markup can do anything.
 */
export function plainText(div: unknown): string | undefined {
  if (typeof div !== 'string') return undefined
  const text = div
    .slice(0, most)
    .replace(/<(script|style)\b[^<>]*>[\s\S]*?(?:<\/\1\s*>|$)/gi, '') // one that never ends takes the rest, and is looked through once
    .replace(/<\/t[dh]>/gi, '\t')
    .replace(blocks, '\n')
    .replace(/<[^<>]*>/g, '')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, entity)
    .replace(/[ \f\r]+/g, ' ')
    .replace(/ ?\n[ \n\t]*/g, '\n')
    .trim()
  return text === '' ? undefined : text
}

function entity(whole: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return entities.get(name.toLowerCase()) ?? whole
  const point = decimal !== undefined ? Number(decimal) : parseInt(hex ?? '', 16)
  return point >= 32 && point <= 0x10ffff ? String.fromCodePoint(point) : ' '
}
