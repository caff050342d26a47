import { defineConfig } from 'vitest/config'
import { medunionUI } from './vite.js'

export default defineConfig({
  plugins: [medunionUI()],
  // axe in jsdom takes seconds where other work fills the machine.
  test: { include: ['test/**/*.test.{ts,tsx}'], testTimeout: 60_000 },
})
