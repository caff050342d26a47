/**
 * The doctor at work, as the page sees her: the methods of Go's package
 * doctor-portal/practice, run in a Worker. Every call is a promise that rejects
 * with a {@link Problem}. Times are in milliseconds since 1970, bytes are
 * Uint8Array. No key, and nothing that opens one, ever comes out.
 */

/** Milliseconds since 1970, by this computer's clock. */
export type Millis = number

/** What opens the store. A passphrase has 12 to 1024 bytes. */
export type Opener =
  | { passphrase: string }
  | {
      /** Output of the passkey's PRF extension, 32 bytes. It is a secret. */
      prf: Uint8Array
      /** The passkey's id, base64url. */
      credentialId: string
    }

/** Names an opener of the store without its secret. */
export type OpenerKind = { kind: 'passphrase' } | { kind: 'passkey'; credentialId: string }

/** What can be known without opening the store. */
export interface Status {
  store: 'absent' | 'locked' | 'open'
  /** In which ways the store opens; empty if it is absent. */
  openers: OpenerKind[]
  /** Of the pinned cloud keys and medical authority: 8 groups of 4 hex digits, to compare by eye. */
  fingerprint: string
}

/** The doctor as patients and the portal see her. */
export interface Doctor {
  /** ID_D. */
  id: string
  /** HPKE suite of her keys: 1 X25519, 2 X-Wing. */
  suite: 1 | 2
  state: 'new' | 'certified' | 'registered'
  /** c_D, 64 hex digits, once registered. */
  credential?: string
  /** From Cert_D, like all up to certificateUntil. */
  name?: string
  licence?: string
  departments?: string[]
  affiliation?: string
  certificateUntil?: Millis
  /** The portal is reached, the prekey published, the revocation list new. */
  online: boolean
  /** Why she is not online. */
  trouble?: Reason
}

/** Why, for a program and for a person. */
export interface Reason {
  /** Stable; pages translate it. */
  code: string
  /** An English sentence. */
  says: string
  /** The code of what lies behind it. */
  because?: string
}

/** What the medical authority is asked to certify. */
export interface Person {
  licence: string
  name: string
  departments: string[]
  affiliation?: string
}

/** One consultation. */
export interface Visit {
  /** Local: 16 hex digits. */
  id: string
  /** answered: her consent is awaited; waiting: it is verified, she may be called in. */
  state: 'answered' | 'waiting' | 'open' | 'closed'
  since: Millis
  /** When the session with the patient ends. */
  expires: Millis
  /** Why it is closed. */
  reason?: Reason
  patient: Patient
  consent?: Consent
  search?: Search
  hospitals: HospitalProgress[]
  diagnosis?: Diagnosis
}

/** Who came, as the public cloud certifies her; it knows no name. */
export interface Patient {
  /** ID_P. */
  id: string
  /** c_P, 64 hex digits. */
  credential: string
  /** How she shows that it is she. */
  verification: 'passphrase' | 'passkey'
}

/** What the patient allows. */
export interface Consent {
  /** H(Consent), 64 hex digits. */
  hash: string
  department: string
  purpose: string
  notBefore: Millis
  expires: Millis
  maxUses: number
  /** Searches of this visit that the public cloud answered. */
  uses: number
  /** The hospital that stores the diagnosis. */
  writeTo?: string
  grants: Grant[]
}

/** What the patient allows at one hospital. */
export interface Grant {
  hospital: string
  departments: string[]
  classes: string[]
}

/** The last search. */
export interface Search {
  state: 'running' | 'done' | 'failed' | 'cancelled'
  /** asking: the public cloud is being asked. */
  step?: 'asking'
  reason?: Reason
}

/** One hospital of a search. What it holds stays while a newer release is fetched. */
export interface HospitalProgress {
  hospital: string
  state: 'connecting' | 'verifying' | 'receiving' | 'verified' | 'failed' | 'cancelled'
  /** The last page that came, of pages. */
  page?: number
  pages?: number
  /** How many resources are here and verified. */
  resources: number
  /** Number of the release at the hospital. */
  receipt?: number
  /** When the hospital signed it. */
  signed?: Millis
  reason?: Reason
  /** What the index names there and the consent grants. */
  held: Scope
  /** What the index names there and the consent does not grant. */
  withheld: Scope
}

/** A part of a record, sorted. */
export interface Scope {
  departments: string[]
  classes: string[]
}

/** Narrows what the consent grants; what is left out is not narrowed. */
export interface Filter {
  /** One that failed or was cancelled: it is asked again, and no other. */
  hospital?: string
  departments?: string[]
  classes?: string[]
  since?: Millis
  until?: Millis
}

/** Resources whose bytes stand in data end to end. */
export interface Records {
  records: RecordEntry[]
  /** UTF-8 of the resources, each byte for byte as its hospital imported it. */
  data: Uint8Array<ArrayBuffer>
}

/** One resource of a verified release. */
export interface RecordEntry {
  /** In the visit, from 1. */
  number: number
  hospital: string
  /** FHIR resource type. */
  type: string
  id?: string
  fullURL?: string
  /** Where it stands in data, in bytes. */
  offset: number
  length: number
}

/** A diagnosis before it is signed. A code or a text is needed. */
export interface Draft {
  code?: Coding
  /** In words, up to 1024 characters. */
  text?: string
  /** Up to 65536 characters. */
  note?: string
  attachment?: Attachment
}

/** A concept of a code system. */
export interface Coding {
  system: string
  code: string
  display?: string
}

/** A file that goes with a diagnosis, up to 1 MiB. */
export interface Attachment {
  name: string
  /** Media type. */
  type: string
  data: Uint8Array
}

/** What sign would sign: exactly bundle, over exactly these releases. */
export interface Preview {
  /** FHIR R4 collection, as text. Goes to sign unchanged. */
  bundle: string
  patient: string
  /** H(Consent). */
  consent: string
  writeTo?: string
  releases: { hospital: string; receipt: number }[]
}

/** Where the signed diagnosis has arrived. */
export interface Diagnosis {
  /** It lies in the patient's mailbox. */
  delivered: boolean
  stored?: { hospital: string; record: number; time: Millis }
  indexed?: { time: Millis }
  /** What has not succeeded; resend tries it again. */
  failures: Reason[]
}

/** One signature of a visit. */
export interface Statement {
  /** The paper's name: Sig_P1, .. */
  name: string
  signer: { role: 'patient' | 'doctor' | 'hospital' | 'cloud'; id: string }
  /** Code of what it proves. */
  covers: string
  time?: Millis
  verified: boolean
  /** Why it does not hold, if it does not. */
  why?: Reason
}

/** A visit of an earlier session, as its evidence tells. */
export interface EarlierVisit {
  id: string
  /** From when the consent was. */
  since?: Millis
  /** ID_P. */
  patient?: string
  /** Those that released or stored something. */
  hospitals: string[]
  /** Whether a diagnosis was signed. */
  diagnosed: boolean
  /** Why the evidence does not open. */
  reason?: Reason
}

/** An error as a person is told of it. */
export interface Problem {
  kind: 'invalid' | 'unauthenticated' | 'refused' | 'notFound' | 'conflict' | 'stale' | 'tooMany' | 'unavailable' | 'internal'
  /** An English sentence without secrets. */
  detail: string
  /** Seconds. */
  retryAfter?: number
  /** Stable; pages translate it. Those of the bridge itself are {@link BridgeCode}. */
  code?: string
}

/** Codes of problems that the bridge itself reports. */
export type BridgeCode =
  /** This browser lacks WebAssembly, Workers, Web Locks or IndexedDB, or the page is not on https or localhost. */
  | 'browser-lacks'
  /** The page's files or /config.json could not be loaded. */
  | 'not-loaded'
  /** The page was opened at another address than the portal's origin, which detail names. */
  | 'other-address'
  /** Another tab of this browser has the store open. */
  | 'other-tab'
  /** The Worker is gone: locked, terminated, or it stopped by a fault. */
  | 'worker-gone'
  /** The browser could not read or write the store: no space, or storage is switched off. */
  | 'storage'

/** Something may be shown anew. */
export type PracticeEvent =
  | { type: 'doctor' }
  | { type: 'visits' }
  | { type: 'visit'; id: string }
  | { type: 'locked' }
  | { type: 'warning'; code: string }

/** The methods of the doctor's role. */
export interface Practice {
  /** Whether there is a store, and how it opens. */
  status(): Promise<Status>
  /** Makes keys and a store for them, and leaves it open. A conflict if there is a store. */
  create(q: { id: string; suite: 1 | 2; opener: Opener }): Promise<void>
  /** Opens the store and goes to work: from then on patients are answered. */
  unlock(o: Opener): Promise<void>
  /** Lets the store be opened in one more way; a passphrase replaces the one before. */
  addOpener(o: Opener): Promise<void>
  /** Removes a way to open the store; the last one stays. */
  removeOpener(which: OpenerKind): Promise<void>
  /** Ends all visits and all work, erases the keys, and ends the Worker: its memory is gone. */
  lock(): Promise<void>
  /** The identity sealed under a passphrase of its own, for another workstation or a drawer. */
  exportStore(passphrase: string): Promise<Uint8Array<ArrayBuffer>>
  /** Makes a store of an export, and leaves it open. A conflict if there is a store. */
  importStore(q: { file: Uint8Array; passphrase: string; opener: Opener }): Promise<void>
  doctor(): Promise<Doctor>
  /** The request for the medical authority, as text. */
  requestCertificate(p: Person): Promise<string>
  setCertificate(jwt: string): Promise<void>
  /** Registers with the public cloud, or renews a registration that holds: then the card is a new one. */
  register(): Promise<void>
  /** The visit link for patients. */
  card(): Promise<{ link: string; credential: string }>
  /** Hospitals of the signed directory. */
  directory(): Promise<{ id: string; address: string }[]>
  /** Codes of the signed parameters. */
  departments(): Promise<string[]>
  classes(): Promise<string[]>
  visits(): Promise<Visit[]>
  visit(id: string): Promise<Visit>
  /** Calls a waiting patient in. */
  open(id: string): Promise<Visit>
  /** Ends a visit; to close a waiting one is to decline it. */
  close(id: string): Promise<Visit>
  /** M_SD, a FHIR R4 Bundle, as the patient sent it. */
  signals(id: string): Promise<string>
  /** Begins to search and fetch; progress comes as events. */
  fetch(id: string, filter?: Filter): Promise<void>
  cancel(id: string): Promise<void>
  /** What verified releases hold, of one hospital or of all. */
  records(id: string, hospital?: string): Promise<Records>
  preview(id: string, draft: Draft): Promise<Preview>
  /** Signs the bundle of a preview, unchanged, and sends it. */
  sign(id: string, bundle: string): Promise<Diagnosis>
  /** Sends again what has not arrived. */
  resend(id: string): Promise<Diagnosis>
  /** The signatures so far, each verified anew. */
  evidence(id: string): Promise<{ statements: Statement[] }>
  /** Visits of earlier sessions whose evidence is sealed in this browser, the newest first; evidence and evidenceFile take their ids. */
  earlierVisits(): Promise<EarlierVisit[]>
  /** The evidence as a JSON file that verifies offline. */
  evidenceFile(id: string): Promise<Uint8Array<ArrayBuffer>>
}

/** What the portal tells the page at its start: see /config.json in its interface. */
export interface PageConfig {
  origin: string
  pins: { cloud: string; pk: string; puk_c: string; successions?: string[] }
  authority: { name: string; jwks: unknown }
  idleMinutes: number
  /** Of the page's files; another one means that the page should be loaded anew. */
  version: string
}

/** How far the loading has come. */
export interface Loading {
  /** Bytes of the program that are here. */
  loaded: number
  /** Of so many; 0 if it is not known. */
  total: number
}
