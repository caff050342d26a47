import { medunionUI } from '@medunion/ui/vite'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [medunionUI()],
  build: { outDir: 'dist/site', emptyOutDir: true, target: 'es2023' },
  test: { environment: 'jsdom', include: ['test/**/*.test.{ts,tsx}'] },
})
