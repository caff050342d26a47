import { medunionUI } from '@medunion/ui/vite'
import { defineConfig } from 'vite'

/** The benchmark's page, which is not shipped: `vite build --config bench/vite.config.js --outDir DIR`. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [medunionUI()],
  css: { preprocessorOptions: { scss: { loadPaths: [`${import.meta.dirname}/../node_modules`] } } },
  build: { target: 'es2023', emptyOutDir: true, chunkSizeWarningLimit: 10_000 },
})
