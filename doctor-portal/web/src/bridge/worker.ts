/** The Worker that holds the doctor's keys: it loads the Go program and passes calls and answers. */
import './wasm_exec.js'
import program from './practice.wasm?url'
import { encodeArgs, newHost, type Host, type Start } from './host.ts'
import { openFiles } from './indexeddb.ts'
import { loadConfig, loadProgram } from './load.ts'
import { takeStore } from './lock.ts'
import { portalAt } from './portal.ts'
import { asProblem, problem, type Call, type Report } from './protocol.ts'

const report = (r: Report, transfer: Transferable[] = []) => postMessage(r, { transfer })
const ended = problem('internal', 'worker-gone', 'The program of the keys has ended by a fault.')

declare global {
  // eslint-disable-next-line no-var
  var medunion: Host
}

/** Loads everything, makes the host and runs the program until the Worker ends. */
async function main() {
  await takeStore()
  const go = new Go()
  const progress = (loading: { loaded: number; total: number }) => report({ type: 'loading', loading })
  const [{ text, config }, instance, { files }] = await Promise.all([loadConfig(), loadProgram(program, go.importObject, progress), openStore()])
  globalThis.medunion = newHost(text, portalAt(config.origin), files, {
    ready(start) {
      onmessage = (m: MessageEvent<Call>) => take(start, m.data)
      report({ type: 'ready', config })
    },
    failed: (p) => report({ type: 'failed', problem: p }),
    changed: (event) => report({ type: 'event', event }),
    done: (id, p, value, transfer) => report({ type: 'done', id, value, ...(p && { problem: p }) }, transfer),
  })
  await go.run(instance)
  throw ended
}

async function openStore() {
  try {
    return await openFiles()
  } catch (e) {
    throw problem('unavailable', 'storage', `This browser could not open the key store (${e instanceof DOMException ? e.name : 'error'}).`)
  }
}

function take(start: Start, { id, method, args }: Call) {
  try {
    start(id, method, encodeArgs(args))
  } catch {
    report({ type: 'failed', problem: ended })
  }
}

main().catch((e: unknown) => report({ type: 'failed', problem: asProblem(e, 'unavailable', 'not-loaded') }))
