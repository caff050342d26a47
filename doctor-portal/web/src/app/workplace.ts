import { People } from './people.ts'
import { openPractice, type Doctor, type Loading, type Opener, type PracticeClient, type PracticeEvent, type Status, type Visit } from './practice.ts'
import { asProblem, type Trouble } from './problems.ts'
import { eraseStore } from './erase.ts'
import { Observable } from './store.ts'

/** Where the page stands: what App shows. */
export type Phase = { at: 'preparing'; loading?: Loading } | { at: 'broken'; trouble: Trouble } | { at: 'absent' | 'locked' | 'open'; status: Status }

/** Why the page stands locked, for the screen that says so. */
export type Locked = 'start' | 'asked' | 'idle' | 'signedOut' | 'erased'

/**
 * The doctor's workplace: the connection to the Worker that holds her keys, and
 * what it last said. All screens read it and act through it. When it locks, it
 * forgets all that it knew, ends the Worker with its memory, and starts a new one.
 */
export class Workplace extends Observable {
  phase: Phase = { at: 'preparing' }
  locked: Locked = 'start'
  /** When the keys were unlocked. */
  since = 0
  doctor: Doctor | undefined
  visits: readonly Visit[] = []
  warnings: readonly string[] = []
  people = new People()
  private client: PracticeClient | undefined
  private ended = false

  /** Spawns the Worker and asks what the browser holds. */
  async start() {
    this.set({ phase: { at: 'preparing' } })
    try {
      this.ended = false
      const client = await openPractice((loading) => this.set({ phase: { at: 'preparing', loading } }))
      this.client = client
      client.subscribe((e) => void this.heard(e).catch(() => undefined))
      await this.look()
    } catch (e) {
      this.end()
      this.set({ phase: { at: 'broken', trouble: asProblem(e) } })
    }
  }

  /** After how many minutes without use the keys are locked. */
  get idleMinutes(): number {
    return this.client?.config.idleMinutes ?? 15
  }

  get version(): string {
    return this.client?.config.version ?? ''
  }

  /** The doctor's role. Only for screens that are shown while there is one. */
  get practice(): PracticeClient {
    if (!this.client) throw new Error('the practice is not open')
    return this.client
  }

  async unlock(o: Opener) {
    await this.practice.unlock(o)
    await this.look()
  }

  async create(id: string, suite: 1 | 2, opener: Opener) {
    await this.practice.create({ id, suite, opener })
    await this.look()
  }

  async importStore(file: Uint8Array, passphrase: string, opener: Opener) {
    await this.practice.importStore({ file, passphrase, opener })
    await this.look()
  }

  /** Asks anew what the store and the doctor are, after a change to either. */
  async look() {
    const status = await this.practice.status()
    if (status.store !== 'open') return this.set({ phase: { at: status.store, status }, doctor: undefined })
    if (this.phase.at !== 'open') this.since = Date.now()
    const doctor = await this.practice.doctor()
    const visits = doctor.state === 'registered' ? await this.practice.visits() : []
    this.set({ phase: { at: 'open', status }, doctor, visits })
    this.people.keep(visits, (id) => this.practice.signals(id), () => this.changed())
  }

  /** Wipes the memory. The sealed store stays in this browser. */
  async lock(why: Locked) {
    if (this.phase.at !== 'open') return
    const client = this.client
    this.ended = true
    await client?.lock().catch(() => undefined) // the Worker has ended all the same
    await this.afresh(why)
  }

  /** Wipes the memory and removes the sealed store: these keys are then only in an export. */
  async erase() {
    this.ended = true
    await this.client?.lock().catch(() => undefined) // the Worker has ended all the same
    await eraseStore()
    await this.afresh('erased')
  }

  dismiss(warning: string) {
    this.set({ warnings: this.warnings.filter((w) => w !== warning) })
  }

  private async afresh(why: Locked) {
    this.end()
    this.people = new People()
    this.set({ locked: why, doctor: undefined, visits: [], warnings: [] })
    if (location.hash) history.replaceState(null, '', location.pathname)
    dispatchEvent(new HashChangeEvent('hashchange'))
    await this.start()
  }

  private end() {
    this.client?.terminate()
    this.client = undefined
  }

  private async heard(e: PracticeEvent) {
    if (this.ended) return
    if (e.type === 'doctor') return this.set({ doctor: await this.practice.doctor() })
    if (e.type === 'locked') return this.afresh('asked')
    if (e.type === 'warning') return this.set({ warnings: [...new Set([...this.warnings, e.code])] })
    if (e.type === 'visits') this.set({ visits: await this.practice.visits() })
    else this.replace(await this.practice.visit(e.id))
    this.people.keep(this.visits, (id) => this.practice.signals(id), () => this.changed())
  }

  /** Takes a newer view of one visit. */
  replace(v: Visit) {
    const known = this.visits.some((x) => x.id === v.id)
    this.set({ visits: known ? this.visits.map((x) => (x.id === v.id ? v : x)) : [...this.visits, v] })
  }

  private set(change: Partial<Pick<Workplace, 'phase' | 'locked' | 'doctor' | 'visits' | 'warnings'>>) {
    Object.assign(this, change)
    this.changed()
  }
}
