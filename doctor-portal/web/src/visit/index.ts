/** Everything of a visit, with the record and the plots: a chunk that is loaded once the keys are open. */
import '../record/record.scss'

export { Banner } from './Banner.tsx'
export { EarlierVisits } from './EarlierVisits.tsx'
export { Rooms } from './rooms.ts'
export { VisitScreen } from './VisitScreen.tsx'
