import { medunionUI } from '@medunion/ui/vite'
import { join, resolve } from 'node:path'
import { build, type Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Builds the viewer of documents, a site of its own, below the page's. */
function viewer(): Plugin {
  let site = ''
  return {
    name: 'viewer',
    apply: 'build',
    configResolved: ({ root, build }) => void (site = resolve(root, build.outDir)),
    closeBundle: async () => {
      await build({ configFile: join(import.meta.dirname, 'viewer/vite.config.js'), logLevel: 'warn', build: { outDir: join(site, 'viewer') } })
    },
  }
}

export default defineConfig({
  base: '/',
  plugins: [medunionUI(), viewer()],
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
