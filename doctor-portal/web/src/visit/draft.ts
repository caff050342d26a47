import type { Coding, Draft } from '../app/practice.ts'

/** The bounds that the doctor's role sets on a draft: characters, and bytes of the attachment. */
export const limits = { text: 1024, note: 65_536, attachment: 1 << 20 }

/** A diagnosis as it stands in the form. */
export interface DraftForm {
  code?: (Coding & { display: string }) | undefined
  text: string
  note: string
  attachment?: File | undefined
}

export const emptyDraft: DraftForm = { text: '', note: '' }

export const isEmpty = (d: DraftForm) => !d.code && !d.text.trim() && !d.note.trim() && !d.attachment

export type Wrong = { field: 'text'; why: 'needed' | 'tooLong' } | { field: 'note'; why: 'tooLong' } | { field: 'attachment'; why: 'tooLarge' }

/** What keeps a form from being previewed, in the order of its fields. */
export function check(d: DraftForm): Wrong[] {
  const wrong: Wrong[] = []
  if (!d.code && !d.text.trim()) wrong.push({ field: 'text', why: 'needed' })
  if ([...d.text.trim()].length > limits.text) wrong.push({ field: 'text', why: 'tooLong' })
  if ([...d.note.trim()].length > limits.note) wrong.push({ field: 'note', why: 'tooLong' })
  if (d.attachment && d.attachment.size > limits.attachment) wrong.push({ field: 'attachment', why: 'tooLarge' })
  return wrong
}

/** The draft that the doctor's role makes a bundle of. What is empty is left out. */
export async function toDraft(d: DraftForm): Promise<Draft> {
  const [text, note] = [d.text.trim(), d.note.trim()]
  return {
    ...(d.code && { code: { system: d.code.system, code: d.code.code, display: d.code.display } }),
    ...(text && { text }),
    ...(note && { note }),
    ...(d.attachment && { attachment: await attachment(d.attachment) }),
  }
}

async function attachment(f: File): Promise<Draft['attachment'] & object> {
  return { name: f.name, type: f.type || 'application/octet-stream', data: new Uint8Array(await f.arrayBuffer()) }
}
