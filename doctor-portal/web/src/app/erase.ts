/** Removes this browser's sealed store. No connection to it may be open. */
export function eraseStore(): Promise<void> {
  return new Promise((done, failed) => {
    const request = indexedDB.deleteDatabase('medunion-doctor')
    request.onsuccess = () => done()
    request.onerror = () => failed(request.error ?? new Error('the store could not be removed'))
    // Another tab's connection ends with its Worker; the request then goes on by itself.
  })
}
