import '@medunion/ui/styles.scss'
import { setLanguage } from '@medunion/ui'
import { render } from 'preact'
import { RecordStore, RecordView } from '../src/record'
import '../src/record/record.scss'
import { batchOf, synthea } from '../src/record/test/testing'
import type { Batch } from '../src/record'

/** What one record costs, in milliseconds. */
export interface Measured {
  /** From the bytes' arrival until the problems are painted. */
  first: number
  /** Until all of it is in the lists and painted. */
  complete: number
  /** From a keystroke in the search until what was found is painted. */
  search: number
  /** From choosing the timeline, and all entries, until they are painted. */
  timeline: number
  all: number
  /** The slowest frame while all entries are scrolled through. */
  frame: number
  /** The longest task of all of the above: as long as nothing answered. */
  longest: number
  /** Lines in the document while all entries are shown, and entries in the record. */
  lines: number
  entries: number
}

declare global {
  interface Window {
    measure: (resources: number) => Promise<Measured>
  }
}

const now = Date.UTC(2026, 10, 20, 15)
const page = document.getElementById('page') as HTMLElement

let longest = 0
new PerformanceObserver((all) => all.getEntries().forEach((e) => (longest = Math.max(longest, e.duration)))).observe({ type: 'longtask' })

/** The twelve patients' resources over and over, as those of one patient, each time under other ids. */
function record(hospital: string, count: number): Batch {
  const all = Object.values(synthea).flatMap((b) => b.entry)
  const made = Array.from({ length: count }, (_, i) => {
    const entry = all[i % all.length]!
    const round = String(Math.floor(i / all.length)).padStart(4, '0')
    const again = JSON.stringify(entry).replaceAll(/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8})[0-9a-f]{4}/g, `$1${round}`)
    const { fullUrl, resource } = JSON.parse(again) as typeof entry
    return { resource, fullURL: fullUrl }
  })
  return batchOf(hospital, made)
}

/** When what stands in the document now has been painted. */
function painted(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))))
}

/** Waits until something is in the document, then until it is painted. */
function seen(selector: string): Promise<number> {
  return new Promise((resolve) => {
    const look = () => {
      if (!page.querySelector(selector)) return
      watch.disconnect()
      void painted().then(resolve)
    }
    const watch = new MutationObserver(look)
    watch.observe(page, { subtree: true, childList: true, characterData: true })
    look()
  })
}

async function select(name: string): Promise<number> {
  const tab = [...page.querySelectorAll<HTMLElement>('[role=tab]')].find((t) => t.textContent?.startsWith(name))
  const from = performance.now()
  tab?.click()
  return (await painted()) - from
}

async function search(words: string): Promise<number> {
  const field = page.querySelector<HTMLInputElement>('input[type=search]')!
  const from = performance.now()
  field.value = words
  field.dispatchEvent(new Event('input', { bubbles: true }))
  const to = words === '' ? await painted() : await seen('.rec-found')
  return to - from
}

/** Scrolls from the top to the end in steps; the slowest frame. */
async function scroll(): Promise<number> {
  let slowest = 0
  const steps = 60
  for (let i = 0; i <= steps; i++) {
    const from = performance.now()
    scrollTo(0, (document.documentElement.scrollHeight - innerHeight) * (i / steps))
    slowest = Math.max(slowest, (await painted()) - from)
  }
  scrollTo(0, 0)
  return slowest
}

window.measure = async (resources) => {
  setLanguage('en')
  const batch = record('st-anna', resources)
  const store = new RecordStore()
  render(<RecordView key={String(performance.now())} store={store} now={now} />, page)
  await painted()
  longest = 0
  const from = performance.now()
  const read = store.put({ hospital: 'st-anna', name: 'St. Anna', signed: now }, batch)
  const first = (await seen('.rec-row')) - from
  await read
  const complete = (await painted()) - from
  const timeline = await select('Timeline')
  const all = await select('All entries')
  const frame = await scroll()
  const lines = page.querySelectorAll('.rec-row').length
  const found = await search('glucose')
  await search('')
  await painted()
  const entries = store.items.length
  render(null, page)
  return { first, complete, search: found, timeline, all, frame, longest, lines, entries }
}
