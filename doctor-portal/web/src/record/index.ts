/**
 * The patient's record: read from the FHIR R4 resources of each hospital, searched and shown.
 *
 *     const store = new RecordStore()
 *     await store.put({ hospital: 'st-anna', name: 'St. Anna', signed: visitHospital.signed }, await practice.records(id, 'st-anna'))
 *     <RecordView store={store} now={Date.now()} lead={<Measured />} more={[{ key: 'evidence', label, content }]} />
 *     readBanner(store)     // name, sex, birth date, allergies; call it again when useVersion(store) changes
 *
 * `put` again for the same hospital replaces what it sent. `store.clear()` when the visit
 * ends. Styles: record.scss, once.
 */
export { RecordStore, type Progress } from './store/store'
export type { Batch, Entry, Item, Source } from './types'
export { readBanner, type Banner, type BannerAllergy, type Identity } from './select/banner'
export { Recordings } from './views/Recordings'
export { RecordView, recordTabs, type RecordTab, type RecordViewProps } from './views/RecordView'
export { useVersion } from './views/context'
export { t as recordTexts } from './texts'
export { sexWords } from './words/phrases'
export { severityWords } from './words/status'
export { age, ago, date as dateWords, signedAt } from './words/when'
