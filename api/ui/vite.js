/**
 * The settings that every page with these components needs, as a Vite plugin.
 * The package is consumed as source through a link (`file:../../api/ui`), so
 * what it imports must come from the page's own node_modules.
 *
 * @returns {import('vite').Plugin}
 */
export function medunionUI() {
  return {
    name: 'medunion-ui',
    config: () => ({
      resolve: { preserveSymlinks: true, dedupe: ['preact', 'uplot', 'uqr'] },
      // Sources below node_modules get no tsconfig.json.
      oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
      optimizeDeps: { exclude: ['@medunion/ui'] },
      css: { preprocessorOptions: { scss: { loadPaths: ['node_modules'], quietDeps: true } } },
      build: {
        // A data: URL would need an exception in the Content-Security-Policy.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
      },
    }),
  }
}
