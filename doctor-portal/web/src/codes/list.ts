import circulatory from './icd10cm/circulatory.txt?raw'
import digestive from './icd10cm/digestive.txt?raw'
import endocrine from './icd10cm/endocrine.txt?raw'
import eyeEar from './icd10cm/eye-ear.txt?raw'
import genitourinary from './icd10cm/genitourinary.txt?raw'
import infections from './icd10cm/infections.txt?raw'
import injuriesContacts from './icd10cm/injuries-contacts.txt?raw'
import mindNerves from './icd10cm/mind-nerves.txt?raw'
import musculoskeletal from './icd10cm/musculoskeletal.txt?raw'
import neoplasmsBlood from './icd10cm/neoplasms-blood.txt?raw'
import respiratory from './icd10cm/respiratory.txt?raw'
import skin from './icd10cm/skin.txt?raw'
import symptoms from './icd10cm/symptoms.txt?raw'
import { entry, type Entry } from './search.ts'

/** The URI by which FHIR names ICD-10-CM. */
export const system = 'http://hl7.org/fhir/sid/icd-10-cm'

/** The bundled choice of codes, see icd10cm/PROVENANCE.md. A chunk of its own: load it when it is needed. */
export const codes: readonly Entry[] = [
  circulatory, digestive, endocrine, eyeEar, genitourinary, infections, injuriesContacts, mindNerves, musculoskeletal, neoplasmsBlood, respiratory, skin, symptoms,
].flatMap((text) => text.trim().split('\n').map(entry))
