import { getDocument, PDFWorker, TextLayer, type PDFDocumentProxy, type PDFPageProxy, type RenderTask } from 'pdfjs-dist/legacy/build/pdf.mjs'
import workerURL from 'pdfjs-dist/legacy/build/pdf.worker.min.mjs?url'
import { fillBar } from './bar'
import type { Show } from './protocol'

/** No canvas is larger, in pixels: a page of many metres must not take all memory. */
const mostPixels = 16_000_000

/** A PDF's decoders and fonts, beside this page; the frame can load nothing else. */
const assets = new URL('./pdf/', document.baseURI).href

/**
 * A worker of its own within the frame. A frame without an origin may not start one from an
 * address, nor a module, only a plain script that it holds itself: that script loads the
 * library's. What is sent to it before would be lost, so that we wait for its first word.
 */
async function startWorker(): Promise<PDFWorker> {
  const source = `import(${JSON.stringify(new URL(workerURL, document.baseURI).href)}).catch(() => postMessage('failed'))`
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
  await new Promise<void>((resolve, reject) => {
    worker.addEventListener('error', () => reject(new Error('the worker did not start')), { once: true })
    worker.addEventListener('message', (e) => (e.data === 'failed' ? reject(new Error('the worker could not be loaded')) : resolve()), { once: true })
  })
  // The library's own type of its port is too narrow: it takes a Worker.
  return new PDFWorker({ port: worker as unknown as null })
}

/** Opens a PDF and shows its pages, each rendered when it comes into view. Forms, links and scripts of the document are left out. */
export async function showPDF(show: Show, content: HTMLElement): Promise<void> {
  const document_ = await getDocument({
    data: new Uint8Array(show.data),
    worker: await startWorker(),
    isEvalSupported: false,
    enableXfa: false,
    stopAtErrors: false,
    maxImageSize: 64_000_000,
    cMapUrl: `${assets}cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${assets}standard_fonts/`,
    wasmUrl: `${assets}wasm/`,
    iccUrl: `${assets}iccs/`,
    useWorkerFetch: true,
  }).promise
  await new Pages(document_, content).start(show)
}

interface Sheet {
  readonly box: HTMLElement
  readonly number: number
  task?: RenderTask | undefined
  text?: TextLayer | undefined
  /** Stands for one drawing: what was begun for an older one is not finished. */
  drawing?: object | undefined
}

class Pages {
  readonly #document: PDFDocumentProxy
  readonly #content: HTMLElement
  #sheets: Sheet[] = []
  #scale = 1
  #turned = 0
  #fitted = true
  /** The first page's width in points: what fits is what it fits. */
  #width = 600
  #height = 800
  #tell: (page: number, pages: number) => void = () => {}
  readonly #seen = new IntersectionObserver((all) => all.forEach((e) => this.#appeared(e)), { rootMargin: '400px' })

  constructor(document_: PDFDocumentProxy, content: HTMLElement) {
    this.#document = document_
    this.#content = content
  }

  async start(show: Show): Promise<void> {
    const first = await this.#document.getPage(1)
    const size = first.getViewport({ scale: 1 })
    this.#width = size.width
    this.#height = size.height
    this.#tell = fillBar(show, {
      go: (n) => this.#go(n),
      zoom: (factor) => this.#zoom(this.#scale * factor),
      fit: () => this.#zoom(this.#fitting()),
      turn: () => {
        this.#turned = (this.#turned + 90) % 360
        this.#zoom(this.#fitting())
      },
    })
    this.#content.replaceChildren()
    this.#sheets = Array.from({ length: this.#document.numPages }, (_, i) => this.#sheet(i + 1))
    new ResizeObserver(() => this.#resized()).observe(this.#content)
    this.#content.addEventListener('scroll', () => this.#where(), { passive: true })
    this.#zoom(this.#fitting())
    await this.#draw(this.#sheets[0] as Sheet)
  }

  #sheet(number: number): Sheet {
    const box = document.createElement('div')
    box.className = 'page'
    box.dataset['page'] = String(number)
    this.#content.append(box)
    this.#seen.observe(box)
    return { box, number }
  }

  #fitting(): number {
    const width = this.#turned % 180 === 0 ? this.#width : this.#height
    return Math.min(3, Math.max(0.1, (this.#content.clientWidth - 16) / width))
  }

  /** Sets the scale and forgets what was drawn at another one; the place in the text stays. */
  #zoom(scale: number): void {
    this.#fitted = scale === this.#fitting()
    const place = this.#content.scrollTop / Math.max(1, this.#content.scrollHeight)
    this.#scale = Math.min(8, Math.max(0.1, scale))
    for (const s of this.#sheets) this.#empty(s)
    this.#content.scrollTop = place * this.#content.scrollHeight
    this.#where()
  }

  /** Keeps the fit to the width while nobody chose another size. */
  #resized(): void {
    const fitting = this.#fitting()
    if (this.#fitted && Math.abs(fitting - this.#scale) > 0.01) this.#zoom(fitting)
  }

  #empty(s: Sheet): void {
    s.task?.cancel()
    s.text?.cancel()
    s.drawing = undefined
    s.box.replaceChildren()
    const upright = this.#turned % 180 === 0
    s.box.style.width = `${(upright ? this.#width : this.#height) * this.#scale}px`
    s.box.style.height = `${(upright ? this.#height : this.#width) * this.#scale}px`
    this.#seen.unobserve(s.box)
    this.#seen.observe(s.box)
  }

  #appeared(e: IntersectionObserverEntry): void {
    const s = this.#sheets[Number((e.target as HTMLElement).dataset['page']) - 1]
    if (!s) return
    if (e.isIntersecting) void this.#draw(s)
    else if (s.drawing) this.#empty(s)
  }

  /** Draws a page and lays its text upon it. A page that cannot be drawn stays white; the others go on. */
  async #draw(s: Sheet): Promise<void> {
    if (s.drawing) return
    const mine = (s.drawing = {})
    const page = await this.#document.getPage(s.number)
    if (s.drawing !== mine) return
    const view = page.getViewport({ scale: this.#scale, rotation: (page.rotate + this.#turned) % 360 })
    s.box.style.width = `${view.width}px`
    s.box.style.height = `${view.height}px`
    const canvas = document.createElement('canvas')
    const dense = Math.min(devicePixelRatio || 1, Math.sqrt(mostPixels / Math.max(1, view.width * view.height)))
    canvas.width = Math.ceil(view.width * dense)
    canvas.height = Math.ceil(view.height * dense)
    s.box.replaceChildren(canvas)
    s.task = page.render({ canvas, viewport: view, ...(dense === 1 ? {} : { transform: [dense, 0, 0, dense, 0, 0] }) })
    await s.task.promise.catch((e: unknown) => this.#notDrawn(e))
    if (s.drawing === mine) await this.#layText(page, s, view)
  }

  #notDrawn(e: unknown): void {
    if ((e as { name?: unknown } | null)?.name !== 'RenderingCancelledException') console.warn('a page could not be drawn')
  }

  async #layText(page: PDFPageProxy, s: Sheet, view: ReturnType<PDFPageProxy['getViewport']>): Promise<void> {
    const layer = document.createElement('div')
    layer.className = 'textLayer'
    s.box.style.setProperty('--total-scale-factor', String(this.#scale))
    s.box.append(layer)
    s.text = new TextLayer({ textContentSource: page.streamTextContent(), container: layer, viewport: view })
    await s.text.render().catch(() => undefined)
  }

  #current(): number {
    const top = this.#content.scrollTop + this.#content.clientHeight / 3
    const after = this.#sheets.findIndex((s) => s.box.offsetTop - this.#content.offsetTop > top)
    return after < 0 ? this.#sheets.length : Math.max(1, after)
  }

  #where(): void {
    this.#tell(this.#current(), this.#sheets.length)
  }

  #go(by: number): void {
    const s = this.#sheets[Math.min(this.#sheets.length, Math.max(1, this.#current() + by)) - 1]
    if (s) this.#content.scrollTop = s.box.offsetTop - this.#content.offsetTop
  }
}
