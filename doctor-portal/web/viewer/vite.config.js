import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vite'

const here = import.meta.dirname

/**
 * PDF's character maps, standard fonts, colour profiles and decoders, from which the viewer
 * takes what a document asks for.
 *
 * @returns {import('vite').Plugin}
 */
function pdfAssets() {
  const from = join(here, '../node_modules/pdfjs-dist')
  let out = ''
  return {
    name: 'pdf-assets',
    configResolved: ({ build }) => void (out = build.outDir),
    closeBundle() {
      for (const folder of ['cmaps', 'standard_fonts', 'iccs', 'wasm']) cpSync(join(from, folder), join(out, 'pdf', folder), { recursive: true })
    },
  }
}

/**
 * The viewer is a site of its own below /viewer/: its frame has no origin, and shares no file
 * with the page that holds keys and records.
 */
export default defineConfig({
  root: here,
  base: './',
  plugins: [pdfAssets()],
  build: { outDir: join(here, '../dist/site/viewer'), emptyOutDir: true, target: 'es2023', modulePreload: false, assetsInlineLimit: 0 },
})
