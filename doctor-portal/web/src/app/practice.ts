/** What the page knows of the bridge to the doctor's role: everything passes here. */
export { openPractice } from '../bridge/client.ts'
export type { PracticeClient } from '../bridge/client.ts'
export type {
  Coding, Consent, Diagnosis, Doctor, Draft, EarlierVisit, Filter, HospitalProgress, Loading, Opener, OpenerKind, Practice, PracticeEvent, Preview, Problem, Reason,
  RecordEntry, Records, Scope, Statement, Status, Visit,
} from '../bridge/practice.d.ts'
