/**
 * What the doctor's and the patient's page share.
 *
 * How a page consumes it, as source:
 *
 * package.json   "dependencies": { "@medunion/ui": "file:../../api/ui", and the
 *                peerDependencies of api/ui/package.json in the same versions }
 * vite.config.ts import { medunionUI } from '@medunion/ui/vite'
 *                export default defineConfig({ plugins: [medunionUI()], ... })
 *                sets preserveSymlinks, dedupe, JSX, the Sass load path and no data: URLs.
 * tsconfig.json  as api/ui/tsconfig.json: "jsx": "react-jsx", "jsxImportSource":
 *                "preact", "preserveSymlinks": true, "allowImportingTsExtensions": true,
 *                "types": ["vite/client"]
 * main.tsx       import '@medunion/ui/styles.scss'   (once; CSS file of its own)
 * own styles     use the custom properties --mu-* of src/styles/_tokens.scss, so
 *                that both appearances and forced colours work.
 * App            call useLanguage() in the root component: changing the language
 *                then renders all of it. Texts: makeTexts of ./texts.ts.
 * tests          expect(checkTexts(t)).toEqual([])
 *
 * The plots and passkeys stand in '@medunion/ui/signals' and '@medunion/ui/webauthn'
 * as well; import them from there in what is loaded lazily.
 */
export * from './announce.ts'
export * from './format.ts'
export * from './language.ts'
export * from './route.ts'
export * from './texts.ts'
export * from './theme.ts'
export * from './components/Button.tsx'
export * from './components/Choices.tsx'
export * from './components/DateInput.tsx'
export * from './components/Dialog.tsx'
export * from './components/Field.tsx'
export * from './components/files.tsx'
export * from './components/Icon.tsx'
export * from './components/Page.tsx'
export * from './components/progress.tsx'
export * from './components/QRCode.tsx'
export * from './components/show.tsx'
export * from './components/Table.tsx'
export * from './components/Tabs.tsx'
export * from './components/VirtualList.tsx'
export * from './webauthn.ts'
export * from './signals/index.ts'
