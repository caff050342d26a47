/** How long one slice of work may hold the main thread, in milliseconds. */
const slice = 10

/**
 * Does work in slices between which the page can paint and answer.
 * `step` does a little and tells whether there is more.
 */
export async function inSlices(step: () => boolean, signal: AbortSignal): Promise<void> {
  let until = performance.now() + slice
  while (!signal.aborted) {
    if (!step()) return
    if (performance.now() < until) continue
    await breath()
    until = performance.now() + slice
  }
}

/** Lets the browser do what waits. Timers would be slowed down when nested; a message is not. */
function breath(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(0)
  })
}
