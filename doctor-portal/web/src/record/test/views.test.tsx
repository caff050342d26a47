import { setLanguage } from '@medunion/ui'
import { render } from 'preact'
import { act } from 'preact/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rich } from '../../../testdata/rich'
import { RecordStore, RecordView, recordTabs } from '../index'
import { batchOf, batchOfBundle, synthea } from './testing'

const now = Date.UTC(2026, 10, 20, 15)
const signed = Date.UTC(2026, 10, 20, 13, 41)
const program = /\[object|undefined|\bnull\b|NaN|urn:uuid/

let page: HTMLElement

beforeEach(() => {
  // jsdom lays nothing out and shows no dialogs.
  HTMLDialogElement.prototype.showModal = function () { this.open = true }
  HTMLDialogElement.prototype.close = function () { this.open = false }
  URL.createObjectURL = () => 'blob:none'
  URL.revokeObjectURL = () => undefined
  page = document.body.appendChild(document.createElement('main'))
})

afterEach(async () => {
  await act(() => render(null, page))
  page.remove()
  setLanguage('en')
})

async function shown(tab: string, store: RecordStore) {
  await act(() => render(<RecordView store={store} now={now} tab={tab} onTab={() => undefined} />, page))
}

async function store(): Promise<RecordStore> {
  const s = new RecordStore()
  const [bundle] = Object.values(synthea)
  await s.put({ hospital: 'mercy', name: 'Mercy', signed }, batchOf('mercy', rich().map((resource) => ({ resource }))))
  await s.put({ hospital: 'anna', name: 'St. Anna', signed }, batchOfBundle('anna', bundle!))
  return s
}

function click(name: string | RegExp) {
  const found = [...page.querySelectorAll<HTMLElement>('button, [role=tab]')].find((b) => (typeof name === 'string' ? b.textContent?.trim() === name : name.test(b.textContent ?? '')))
  if (!found) throw new Error(`nothing to click is called ${String(name)}`)
  return act(() => found.click())
}

/** What the plots in a part of the page are called. */
function plots(within: Element): string[] {
  return [...within.querySelectorAll('.rec-recording figure')].map((f) => f.getAttribute('aria-label') ?? f.textContent ?? '')
}

describe.each(['en', 'es'] as const)('RecordView in %s', (language) => {
  it.each(recordTabs)('%s: shows words only, and nothing of a hospital as markup', async (tab) => {
    setLanguage(language)
    await shown(tab, await store())
    const panel = page.querySelector('[role=tabpanel]')!
    expect(panel.textContent).not.toMatch(program)
    expect(page.querySelectorAll('script, [onerror], img, object, embed').length).toBe(0)
    expect((window as { harmed?: boolean }).harmed).toBeUndefined()
  })
})

describe('RecordView', () => {
  it('says of every line which hospital signed it, and when', async () => {
    await shown('all', await store())
    const rows = [...page.querySelectorAll('.rec-row')]
    expect(rows.length).toBeGreaterThan(5)
    for (const r of rows) expect(r.textContent).toMatch(/signed by (Mercy|St\. Anna), 20 Nov/)
  })

  it('shows an entry in error struck out, and says so', async () => {
    await shown('summary', await store())
    const row = [...page.querySelectorAll('.rec-row--wrong')].find((r) => r.textContent?.includes('Myocardial infarction'))
    expect(row?.textContent).toContain('Entered in error')
    expect(row?.querySelector('.rec-struck')).not.toBeNull()
  })

  it('opens the details of an entry: all fields, then the raw resource, and what it refers to', async () => {
    await shown('medication', await store())
    await click('Ramipril 5 mg tablets')
    const dialog = page.querySelector('dialog')!
    expect(dialog.textContent).toContain('signed by Mercy')
    expect(dialog.textContent).not.toMatch(program)
    await click('Hypertensive disorder')
    expect(dialog.querySelector('h2')?.textContent).toBe('Hypertensive disorder')
    await click(/^Back to Ramipril/)
    await click('Raw resource')
    expect(JSON.parse(dialog.querySelector('pre')!.textContent!)).toEqual(rich().find((r) => r['id'] === 'mr1'))
  })

  it('plots what was recorded: in the details the leads of an ECG on one paper, at its own hour', async () => {
    await shown('all', await store())
    await click('EKG study')
    const dialog = page.querySelector('dialog')!
    expect(plots(dialog)).toEqual([expect.stringMatching(/^EKG study · 18 Nov 2026, 09:00/)])
    expect(dialog.querySelectorAll('canvas').length).toBe(1)
    expect(dialog.textContent).toContain('EKG study, Lead II: 2 s, 250 samples per second')
  })

  it('plots the newest recording of a test beside its values, and says why one cannot be plotted', async () => {
    await shown('results', await store())
    await click(/^Pulse curve/)
    expect(plots(page.querySelector('.rec-split__detail')!)).toEqual([expect.stringMatching(/^Pulse curve · 17 Nov 2026, 09:00/)])
    await click(/^Breath curve/)
    expect(page.querySelector('.rec-split__detail')?.textContent).toContain('A recording cannot be plotted')
  })

  it('shows a narrative as text', async () => {
    const s = await store()
    const item = s.items.find((i) => i.id === 'h1')!
    await act(() => render(<RecordView store={s} now={now} opened={item.key} onOpened={() => undefined} />, page))
    await click('Narrative')
    expect(page.querySelector('.rec-text')?.textContent).toBe('seenx')
    expect(page.querySelectorAll('dialog a, dialog script').length).toBe(0)
  })

  it('finds, and says how much it found', async () => {
    await shown('summary', await store())
    const field = page.querySelector<HTMLInputElement>('input[type=search]')!
    await act(() => {
      field.value = 'potassium'
      field.dispatchEvent(new Event('input', { bubbles: true }))
    })
    expect(page.querySelector('.rec-found')?.textContent).toMatch(/^\d entries found/)
    expect(page.querySelector('.rec-row')?.textContent).toContain('Potassium')
  })

  it('filters by hospital', async () => {
    await shown('all', await store())
    await click('Mercy')
    expect(page.querySelector('[role=tabpanel]')?.textContent).not.toContain('signed by St. Anna')
  })
})
