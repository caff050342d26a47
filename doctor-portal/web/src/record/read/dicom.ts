import { when, type When } from '../fhir/dates'
import { str } from '../fhir/json'

/** What is shown of a DICOM file (DICOM PS3.10). */
export interface DicomHeader {
  patient?: string
  patientId?: string
  born?: When
  sex?: string
  modality?: string
  studied?: When
  study?: string
  series?: string
  body?: string
  institution?: string
  maker?: string
  rows?: number
  columns?: number
  bits?: number
  frames?: number
  channels?: number
  samples?: number
  hz?: number
}

/** How many elements are looked at, and how deep sequences may nest: a file cannot keep us busy. */
const elements = 20_000
const deepest = 16

/** Value representations whose length takes four bytes after two reserved ones (PS3.5, 7.1.2). */
const long = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'])

const item = 0xfffee000
const itemEnd = 0xfffee00d
const sequenceEnd = 0xfffee0dd
const pixels = 0x7fe00010
const undefinedLength = 0xffffffff

/** A length or an element that lies outside of the file, or more of them than any header has. */
class Damaged extends Error {}

/**
 * Reads the usual fields of a DICOM file's header, of little-endian files only (all but
 * long retired ones); undefined if it is none or is damaged. Nothing of the file is run,
 * followed or allocated by a length that it names: each length is compared with what is left.
 */
export function readDicom(bytes: Uint8Array): DicomHeader | undefined {
  try {
    return new Reader(bytes).header()
  } catch (e) {
    if (e instanceof Damaged) return undefined
    throw e
  }
}

interface Element {
  readonly tag: number
  readonly vr: string
  readonly length: number
}

class Reader {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #header: DicomHeader = {}
  #at = 132
  #left = elements
  #explicit = true
  #charset = 'utf-8'

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  header(): DicomHeader {
    if (this.#bytes.length < 136 || String.fromCharCode(...this.#bytes.subarray(128, 132)) !== 'DICM') throw new Damaged()
    const syntax = this.#meta()
    if (syntax === '1.2.840.10008.1.2.2' || syntax === '1.2.840.10008.1.2.1.99') return {}
    this.#explicit = syntax !== '1.2.840.10008.1.2'
    this.#elements(this.#bytes.length, 0)
    return this.#header
  }

  /** Group 2, always explicit and little-endian, names the encoding of the rest. */
  #meta(): string {
    let syntax = ''
    while (this.#at + 8 <= this.#bytes.length && this.#view.getUint16(this.#at, true) === 2) {
      const e = this.#element()
      if (e.tag === 0x00020010) syntax = this.#text(e)
      this.#skip(e)
    }
    return syntax
  }

  /** Elements up to an end, or to the delimiter of an item of undefined length. */
  #elements(end: number, depth: number): void {
    if (depth > deepest) throw new Damaged()
    while (this.#at + 8 <= end) {
      const e = this.#element()
      if (e.tag === itemEnd || e.tag === sequenceEnd) return
      if (e.tag === pixels) return void (this.#at = end)
      if (e.vr === 'SQ' || e.length === undefinedLength) {
        this.#sequence(e, depth)
        continue
      }
      this.#fits(e)
      this.#take(e, depth)
      this.#skip(e)
    }
  }

  #sequence(e: Element, depth: number): void {
    if (e.length !== undefinedLength) this.#fits(e)
    const end = e.length === undefinedLength ? this.#bytes.length : this.#at + e.length
    while (this.#at + 8 <= end) {
      const i = this.#element()
      if (i.tag === sequenceEnd) return
      if (i.tag !== item) throw new Damaged()
      if (i.length !== undefinedLength) this.#fits(i)
      const stop = i.length === undefinedLength ? end : this.#at + i.length
      this.#elements(stop, depth + 1)
      if (i.length !== undefinedLength) this.#at = stop
    }
  }

  #element(): Element {
    if (--this.#left < 0) throw new Damaged()
    const tag = this.#u16() * 0x10000 + this.#u16()
    if (tag >= item && tag <= sequenceEnd) return { tag, vr: '', length: this.#u32() }
    if (!this.#explicit) return { tag, vr: '', length: this.#u32() }
    const vr = String.fromCharCode(this.#u8(), this.#u8())
    if (!long.has(vr)) return { tag, vr, length: this.#u16() }
    this.#u16()
    return { tag, vr, length: this.#u32() }
  }

  #take(e: Element, depth: number): void {
    const h = this.#header
    // Within sequences the same tags mean other things, but for those of a waveform.
    if (depth > 0 && e.tag < 0x003a0000) return
    switch (e.tag) {
      case 0x00080005:
        return void (this.#charset = charset(this.#text(e)))
      case 0x00100010:
        return this.#put('patient', this.#name(e))
      case 0x00100020:
        return this.#put('patientId', this.#text(e))
      case 0x00100030:
        return void (h.born ??= day(this.#text(e)) as When)
      case 0x00100040:
        return this.#put('sex', this.#text(e))
      case 0x00080060:
        return this.#put('modality', this.#text(e))
      case 0x00080020:
        return void (h.studied ??= day(this.#text(e)) as When)
      case 0x00081030:
        return this.#put('study', this.#text(e))
      case 0x0008103e:
        return this.#put('series', this.#text(e))
      case 0x00180015:
        return this.#put('body', this.#text(e))
      case 0x00080080:
        return this.#put('institution', this.#text(e))
      case 0x00080070:
      case 0x00081090:
        return void (h.maker = [h.maker, this.#text(e)].filter(Boolean).join(' '))
      case 0x00280008:
        return this.#count('frames', Number(this.#text(e)))
      case 0x00280010:
        return this.#count('rows', this.#short(e))
      case 0x00280011:
        return this.#count('columns', this.#short(e))
      case 0x00280101:
        return this.#count('bits', this.#short(e))
      case 0x003a0005:
        return this.#count('channels', this.#short(e))
      case 0x003a0010:
        return this.#count('samples', this.#int(e))
      case 0x003a001a:
        return this.#count('hz', Number(this.#text(e)))
    }
  }

  #put(key: 'patient' | 'patientId' | 'sex' | 'modality' | 'study' | 'series' | 'body' | 'institution', text: string): void {
    if (text !== '') this.#header[key] ??= text
  }

  #count(key: 'frames' | 'rows' | 'columns' | 'bits' | 'channels' | 'samples' | 'hz', n: number): void {
    if (Number.isFinite(n) && n > 0) this.#header[key] ??= n
  }

  /** A short text, without padding and control characters. */
  #text(e: Element): string {
    const end = this.#at + Math.min(e.length, 512, this.#bytes.length - this.#at)
    return str(new TextDecoder(this.#charset).decode(this.#bytes.subarray(this.#at, end)).replaceAll('\0', '')) ?? ''
  }

  /** "Family^Given" in the order of speech, of its first writing. */
  #name(e: Element): string {
    const [family = '', given = '', middle = '', prefix = '', suffix = ''] = (this.#text(e).split('=')[0] ?? '').split('^')
    return [prefix, given, middle, family, suffix].filter(Boolean).join(' ')
  }

  #short(e: Element): number {
    return e.length >= 2 && this.#at + 2 <= this.#bytes.length ? this.#view.getUint16(this.#at, true) : NaN
  }

  #int(e: Element): number {
    return e.length >= 4 && this.#at + 4 <= this.#bytes.length ? this.#view.getUint32(this.#at, true) : NaN
  }

  #fits(e: Element): void {
    if (e.length > this.#bytes.length - this.#at) throw new Damaged()
  }

  #skip(e: Element): void {
    this.#fits(e)
    this.#at += e.length
  }

  #u8(): number {
    this.#need(1)
    return this.#view.getUint8(this.#at++)
  }

  #u16(): number {
    this.#need(2)
    this.#at += 2
    return this.#view.getUint16(this.#at - 2, true)
  }

  #u32(): number {
    this.#need(4)
    this.#at += 4
    return this.#view.getUint32(this.#at - 4, true)
  }

  #need(n: number): void {
    if (this.#at + n > this.#bytes.length) throw new Damaged()
  }
}

/** The character sets in use that browsers know under a similar name (PS3.3, C.12.1.1.2). */
function charset(name: string): string {
  const iso = /^ISO_IR (\d+)$/.exec(name.split('\\')[0] ?? '')?.[1]
  const known: Record<string, string> = { 100: 'iso-8859-1', 101: 'iso-8859-2', 109: 'iso-8859-3', 110: 'iso-8859-4', 144: 'iso-8859-5', 127: 'iso-8859-6', 126: 'iso-8859-7', 138: 'iso-8859-8', 148: 'iso-8859-9', 192: 'utf-8' }
  return (iso && known[iso]) || 'utf-8'
}

/** DICOM's 20040119 as a date. */
function day(written: string): When | undefined {
  const m = /^(\d{4})\.?(\d\d)\.?(\d\d)$/.exec(written)
  return m ? when(`${m[1]}-${m[2]}-${m[3]}`) : undefined
}
