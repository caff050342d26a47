import { go } from '@medunion/ui'

/** The addresses of the screens. */
export const to = {
  home: '#/',
  me: '#/welcome/me',
  hospitals: '#/hospitals',
  hospital: (id: string) => `#/hospitals/${encodeURIComponent(id)}`,
  link: (id: string) => `#/hospitals/${encodeURIComponent(id)}/link`,
  scan: '#/visit',
  paste: '#/visit/paste',
  doctor: '#/visit/doctor',
  department: '#/visit/department',
  share: '#/visit/share',
  pick: (hospital: string) => `#/visit/share/${encodeURIComponent(hospital)}`,
  terms: '#/visit/terms',
  measure: '#/visit/measure',
  recording: '#/visit/measure/file',
  approve: '#/visit/approve',
  live: (id: string) => `#/visits/${encodeURIComponent(id)}`,
  again: (id: string) => `#/visits/${encodeURIComponent(id)}/again`,
  diagnoses: '#/diagnoses',
  diagnosis: (id: string) => `#/diagnoses/${encodeURIComponent(id)}`,
  consents: '#/consents',
  consent: (hash: string) => `#/consents/${encodeURIComponent(hash)}`,
  stop: (hash: string) => `#/consents/${encodeURIComponent(hash)}/stop`,
  seen: '#/seen',
  settings: '#/settings',
  profile: '#/settings/me',
  about: '#/settings/about',
}

export { go }

/** Goes on without leaving the present screen in the history. */
export const replace = (hash: string) => go(hash, { replace: true })
