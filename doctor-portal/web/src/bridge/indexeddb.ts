import type { Files } from './host.ts'

const store = 'files'

/**
 * Opens a database as a folder of files. A write is durable when its promise
 * resolves; one that fails leaves the file as it was.
 *
 * @returns the files, and what closes the database.
 */
export async function openFiles(database = 'medunion-doctor'): Promise<{ files: Files; close: () => void }> {
  const db = await open(database)
  // Another page removes or upgrades the database: it goes first, and our next access fails.
  db.onversionchange = () => db.close()

  const run = <T>(mode: IDBTransactionMode, action: (s: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const t = db.transaction(store, mode, { durability: mode === 'readwrite' ? 'strict' : 'default' })
      const request = action(t.objectStore(store))
      t.oncomplete = () => resolve(request.result)
      t.onerror = t.onabort = () => reject(t.error ?? request.error ?? new DOMException('', 'AbortError'))
    })

  return {
    close: () => db.close(),
    files: {
      async read(name) {
        const content: unknown = await run('readonly', (s) => s.get(name))
        return content instanceof Uint8Array ? content : null
      },
      async replace(name, content) {
        await run('readwrite', (s) => s.put(content, name))
      },
      async remove(name) {
        await run('readwrite', (s) => s.delete(name))
      },
      async list() {
        return (await run('readonly', (s) => s.getAllKeys())).map(String)
      },
    },
  }
}

function open(database: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(database, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(store)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new DOMException('', 'UnknownError'))
  })
}
