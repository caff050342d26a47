import { problem } from './protocol.ts'

/** How long a tab that has just been locked may take to let go, in milliseconds. */
const patience = 2000

/**
 * Takes the store for this Worker until it ends. A store in two tabs would be two
 * doctors who overwrite each other's evidence: the second tab is told.
 */
export function takeStore(name = 'medunion-doctor-store', wait = patience): Promise<void> {
  return new Promise((taken, refused) => {
    const held = () => {
      taken()
      return new Promise<never>(() => {}) // until the Worker ends
    }
    navigator.locks.request(name, { signal: AbortSignal.timeout(wait) }, held).catch(() =>
      refused(problem('conflict', 'other-tab', 'The key store is in use in another tab or window of this browser.')))
  })
}
