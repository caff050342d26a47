import { announce } from '@medunion/ui'
import type { Filter, HospitalProgress, PracticeClient, Visit } from '../app/practice.ts'
import { asProblem, type Trouble } from '../app/problems.ts'
import { Observable } from '../app/store.ts'
import { RecordStore } from '../record/index.ts'
import { t } from '../texts/index.ts'
import { emptyDraft, type DraftForm } from './draft.ts'

/** What the page holds of an open visit beside what the doctor's role holds: the record as read, and the draft. */
export class Room extends Observable {
  readonly store = new RecordStore()
  draft: DraftForm = emptyDraft
  /** Which part of what the consent grants is asked for. */
  filter: Filter = {}
  /** Whether the diagnosis stands beside the record. */
  writing = false
  /** Hospitals whose verified records could not be opened here. */
  readonly unreadable = new Map<string, Trouble>()
  private readonly taken = new Map<string, string>()
  private readonly said = new Map<string, string>()

  constructor(private readonly id: string, private readonly practice: () => PracticeClient) {
    super()
  }

  set(change: Partial<Pick<Room, 'draft' | 'filter' | 'writing'>>) {
    Object.assign(this, change)
    this.changed()
  }

  /** Takes over each verified release once, and says aloud how the hospitals' states change. */
  follow(v: Visit) {
    for (const h of v.hospitals) {
      this.say(h)
      if (h.receipt !== undefined && h.signed !== undefined) void this.take(h.hospital, h.signed, `${h.receipt}/${h.signed}`)
    }
  }

  private async take(hospital: string, signed: number, release: string) {
    if (this.taken.get(hospital) === release) return
    this.taken.set(hospital, release)
    try {
      await this.store.put({ hospital, signed }, await this.practice().records(this.id, hospital))
      this.unreadable.delete(hospital)
    } catch (e) {
      this.unreadable.set(hospital, asProblem(e))
    }
    this.changed()
  }

  private say(h: HospitalProgress) {
    if (this.said.get(h.hospital) === h.state) return
    this.said.set(h.hospital, h.state)
    announce(t('fetch.said', { hospital: h.hospital, state: t(`fetch.state.${h.state}`) }))
  }

  clear() {
    this.store.clear()
    this.draft = emptyDraft
  }
}

/** The rooms of the open visits. A room is cleared when its visit is no longer open. */
export class Rooms {
  private readonly rooms = new Map<string, Room>()

  of(v: Visit, practice: () => PracticeClient): Room {
    let room = this.rooms.get(v.id)
    if (!room) this.rooms.set(v.id, (room = new Room(v.id, practice)))
    return room
  }

  keep(visits: readonly Visit[]) {
    const open = new Set(visits.filter((v) => v.state === 'open').map((v) => v.id))
    for (const [id, room] of this.rooms) {
      if (open.has(id)) continue
      room.clear()
      this.rooms.delete(id)
    }
  }

  clear() {
    this.keep([])
  }
}
