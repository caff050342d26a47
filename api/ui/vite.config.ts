import { defineConfig } from 'vitest/config'
import { medunionUI } from './vite.js'

export default defineConfig({
  plugins: [medunionUI()],
  test: { include: ['test/**/*.test.{ts,tsx}'] },
})
