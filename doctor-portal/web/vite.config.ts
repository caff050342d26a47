import { medunionUI } from '@medunion/ui/vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  base: '/',
  plugins: [medunionUI()],
  // Files that tests read.
  assetsInclude: ['testdata/*.dcm'],
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    target: 'es2023',
  },
  worker: { format: 'es' },
  test: { environment: 'jsdom', include: ['{src,test,viewer}/**/*.test.{ts,tsx}'] },
})
