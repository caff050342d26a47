import { describe, expect, it } from 'vitest'
import ct from '../../../testdata/pydicom-CT_small.dcm?inline'
import ecg from '../../../testdata/pydicom-waveform_ecg.dcm?inline'
import jpeg from '../../../testdata/ct_small-512.jpg?inline'
import pdf from '../../../testdata/hl7-bundle-101.pdf?inline'
import { readDicom } from '../read/dicom'
import { base64Size, fileBytes } from '../read/files'
import { looksLike } from '../read/sniff'
import { samePerson } from '../views/Dicom'

const base64 = (url: string) => url.slice(url.indexOf(',') + 1)
const bytes = (url: string) => fileBytes({ data: base64(url) }, ['data'])!

describe('files', () => {
  it('are what their content says', () => {
    expect([ct, ecg, jpeg, pdf].map((f) => looksLike(bytes(f), 'text/plain'))).toEqual(['application/dicom', 'application/dicom', 'image/jpeg', 'application/pdf'])
    expect(looksLike(bytes(jpeg), 'application/pdf')).toBe('image/jpeg')
    expect(looksLike(new TextEncoder().encode('<script>'), 'application/pdf')).toBe('application/octet-stream')
    expect(looksLike(new TextEncoder().encode('hello'), 'text/plain')).toBe('text/plain')
    expect(looksLike(new Uint8Array(), 'image/png')).toBe('application/octet-stream')
  })

  it('have the size that is said of them', () => {
    for (const f of [ct, jpeg, pdf]) expect(base64Size(base64(f))).toBe(bytes(f).length)
  })

  it('that are damaged have no bytes', () => {
    expect(fileBytes({ data: 'not base64!' }, ['data'])).toBeUndefined()
    expect(fileBytes({ data: 7 }, ['data'])).toBeUndefined()
    expect(fileBytes({}, ['constructor', 'name'])).toBeUndefined()
    expect(fileBytes({ data: 'AAAA' }, [])).toBeUndefined()
  })
})

describe('DICOM', () => {
  it('tells the header of an image', () => {
    expect(readDicom(bytes(ct))).toMatchObject({
      patient: 'CompressedSamples^CT1'.split('^').reverse().join(' '), patientId: '1CT1', sex: 'O', modality: 'CT', study: 'e+1', rows: 128, columns: 128, bits: 16,
      studied: { written: '2004-01-19' }, institution: 'JFK IMAGING CENTER',
    })
  })

  it('tells the header of a waveform', () => {
    expect(readDicom(bytes(ecg))).toMatchObject({ modality: 'ECG', channels: 12, hz: 1000, samples: 10_000, born: { written: '1971-01-23' } })
  })

  it('survives each truncation and each changed byte of a header', () => {
    const whole = bytes(ct)
    for (let n = 0; n < 2000; n += 3) expect(() => readDicom(whole.slice(0, n))).not.toThrow()
    for (let at = 132; at < 1600; at++) {
      for (const b of [0x00, 0xff]) {
        const changed = whole.slice(0, 4000)
        changed[at] = b
        expect(() => readDicom(changed)).not.toThrow()
      }
    }
  })

  it('refuses sequences without end and nested without end', () => {
    const head = [...new Uint8Array(128), ...new TextEncoder().encode('DICM')]
    const nested = Array.from({ length: 400 }, () => [0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255, 254, 255, 0, 224, 255, 255, 255, 255]).flat()
    expect(readDicom(new Uint8Array([...head, ...nested]))).toBeUndefined()
    const empty = Array.from({ length: 30_000 }, () => [0x08, 0, 0x60, 0, 0x43, 0x53, 0, 0]).flat()
    expect(readDicom(new Uint8Array([...head, ...empty]))).toBeUndefined()
    expect(readDicom(new Uint8Array([...head, 0x10, 0, 0x10, 0, 0x4c, 0x4f, 0xff, 0xff, 65]))).toBeUndefined()
    expect(readDicom(new Uint8Array(10))).toBeUndefined()
  })

  it('compares names written in different ways', () => {
    expect(samePerson('Kirsten Wallin', 'WALLIN^KIRSTEN')).toBe(true)
    expect(samePerson('José Núñez', 'NUNEZ^JOSE')).toBe(true)
    expect(samePerson('Kirsten Wallin', 'Anonymous')).toBe(false)
  })
})
