/**
 * A record with what the synthetic patients lack: allergies, ranges and flags, referenced and
 * contained medicines, files, errors, absent values, and content that wants to do harm.
 */
type Json = Record<string, unknown>

const loinc = (code: string, display: string) => ({ coding: [{ system: 'http://loinc.org', code, display }], text: display })
const snomed = (code: string, display: string) => ({ coding: [{ system: 'http://snomed.info/sct', code, display }] })
const hl7 = (list: string, code: string) => ({ coding: [{ system: `http://terminology.hl7.org/CodeSystem/${list}`, code }] })
const observed = (id: string, category: string, code: Json, at: string, rest: Json): Json => ({
  resourceType: 'Observation', id, status: 'final', category: [hl7('observation-category', category)], code, subject: { reference: 'Patient/p1' }, effectiveDateTime: at, ...rest,
})
const measured = (value: number, unit: string, low?: number, high?: number, flag?: string): Json => ({
  valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  ...(low === undefined && high === undefined ? {} : { referenceRange: [{ ...(low === undefined ? {} : { low: { value: low, unit } }), ...(high === undefined ? {} : { high: { value: high, unit } }) }] }),
  ...(flag ? { interpretation: [hl7('v3-ObservationInterpretation', flag)] } : {}),
})

const sampled = (samples: number[]): Json => ({ origin: { value: 0, unit: 'mV', system: 'http://unitsofmeasure.org', code: 'mV' }, period: 4, factor: 0.0025, dimensions: 1, data: samples.join(' ') })

export const script = '<script>window.harmed = true</script>'
export const image = '<img src=x onerror="window.harmed = true">'

/** @param files the bytes of documents in base64, by name */
export function rich(files: { pdf?: string; dicom?: string; ecg?: string; jpeg?: string } = {}): Json[] {
  return [
    { resourceType: 'Patient', id: 'p1', name: [{ use: 'official', given: ['Kirsten', 'Maria'], family: 'Wallin' }, { use: 'maiden', family: 'Berg' }], gender: 'female', birthDate: '1972-03-14' },
    {
      resourceType: 'AllergyIntolerance', id: 'a1', clinicalStatus: hl7('allergyintolerance-clinical', 'active'), verificationStatus: hl7('allergyintolerance-verification', 'confirmed'), type: 'allergy', category: ['medication'],
      criticality: 'high', code: snomed('91936005', 'Allergy to penicillin (disorder)'), recordedDate: '2009-05', reaction: [{ manifestation: [snomed('39579001', 'Anaphylaxis (disorder)')], severity: 'severe' }], patient: { reference: 'Patient/p1' },
    },
    {
      resourceType: 'AllergyIntolerance', id: 'a2', clinicalStatus: hl7('allergyintolerance-clinical', 'active'), code: { text: 'Latex' }, category: ['environment'],
      reaction: [{ manifestation: [{ text: 'Contact dermatitis' }], severity: 'mild' }], patient: { reference: 'Patient/p1' },
    },
    { resourceType: 'AllergyIntolerance', id: 'a3', verificationStatus: hl7('allergyintolerance-verification', 'entered-in-error'), code: { text: 'Peanut' }, patient: { reference: 'Patient/p1' } },
    { resourceType: 'Condition', id: 'c1', clinicalStatus: hl7('condition-clinical', 'active'), verificationStatus: hl7('condition-ver-status', 'confirmed'), severity: snomed('6736007', 'Moderate'), code: snomed('38341003', 'Hypertensive disorder (disorder)'), onsetAge: { value: 41, unit: 'a', system: 'http://unitsofmeasure.org', code: 'a' }, recordedDate: '2013-11-02' },
    { resourceType: 'Condition', id: 'c2', clinicalStatus: hl7('condition-clinical', 'active'), verificationStatus: hl7('condition-ver-status', 'provisional'), code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'E11.9' }] }, onsetDateTime: '2019', note: [{ text: 'Diet first.' }] },
    { resourceType: 'Condition', id: 'c3', verificationStatus: hl7('condition-ver-status', 'entered-in-error'), code: { text: 'Myocardial infarction' }, onsetDateTime: '2020-01-05' },
    { resourceType: 'Condition', id: 'c4', clinicalStatus: hl7('condition-clinical', 'resolved'), code: snomed('233604007', 'Pneumonia (disorder)'), onsetPeriod: { start: '2016-02', end: '2016-03' }, abatementDateTime: '2016-03-20' },
    { resourceType: 'Medication', id: 'm1', code: { coding: [{ system: 'http://www.whocc.no/atc', code: 'C09AA05', display: 'Ramipril 5 mg tablets' }] } },
    {
      resourceType: 'MedicationRequest', id: 'mr1', status: 'active', intent: 'order', medicationReference: { reference: 'Medication/m1' }, authoredOn: '2026-08-03', reasonReference: [{ reference: 'Condition/c1' }],
      dosageInstruction: [{ timing: { repeat: { frequency: 1, period: 1, periodUnit: 'd', when: ['MORN'] } }, route: snomed('26643006', 'by mouth'), doseAndRate: [{ doseQuantity: { value: 1, unit: 'tablet' } }] }],
    },
    {
      resourceType: 'MedicationRequest', id: 'mr2', status: 'active', intent: 'order', contained: [{ resourceType: 'Medication', id: 'inside', code: { text: 'Salbutamol 100 µg inhaler' } }], medicationReference: { reference: '#inside' }, authoredOn: '2026-10-11T09:30:00+02:00',
      dosageInstruction: [{ asNeededCodeableConcept: { text: 'wheezing' }, timing: { repeat: { frequency: 1, frequencyMax: 2, period: 4, periodUnit: 'h' } }, doseAndRate: [{ doseRange: { low: { value: 1 }, high: { value: 2, unit: 'puffs' } } }], maxDosePerPeriod: { numerator: { value: 8, unit: 'puffs' }, denominator: { value: 1, unit: 'd' } } }],
    },
    { resourceType: 'MedicationStatement', id: 'ms1', status: 'active', medicationCodeableConcept: { text: 'Vitamin D 1000 IU' }, effectivePeriod: { start: '2024-01' }, dosage: [{ text: 'One capsule with breakfast' }], informationSource: { display: 'the patient' } },
    { resourceType: 'MedicationAdministration', id: 'ma1', status: 'completed', medicationCodeableConcept: { text: 'Paracetamol 1 g' }, effectiveDateTime: '2026-11-18T22:10:00+01:00', dosage: { dose: { value: 1, unit: 'g' }, route: { text: 'intravenously' }, rateQuantity: { value: 100, unit: 'mL/h' } } },
    { resourceType: 'MedicationRequest', id: 'mr3', status: 'stopped', intent: 'order', medicationReference: { reference: 'Medication/not-sent', display: 'Amlodipine 10 mg' }, authoredOn: '2021-04-01', statusReason: { text: 'Ankle swelling' } },
    ...pressures(),
    observed('o1', 'laboratory', loinc('2823-3', 'Potassium [Moles/volume] in Serum or Plasma'), '2026-11-18T07:40:00+01:00', measured(6.4, 'mmol/L', 3.5, 5.1, 'HH')),
    observed('o2', 'laboratory', loinc('2823-3', 'Potassium [Moles/volume] in Serum or Plasma'), '2026-08-02T08:00:00+02:00', measured(4.2, 'mmol/L', 3.5, 5.1, 'N')),
    observed('o3', 'laboratory', loinc('2823-3', 'Potassium [Moles/volume] in Serum or Plasma'), '2025-03-11', measured(5.3, 'mmol/L', 3.5, 5.1)),
    observed('o4', 'laboratory', loinc('718-7', 'Hemoglobin [Mass/volume] in Blood'), '2026-11-18T07:40:00+01:00', measured(10.9, 'g/dL', 12, 16, 'L')),
    observed('o5', 'laboratory', loinc('33914-3', 'Glomerular filtration rate'), '2026-11-18T07:40:00+01:00', { valueQuantity: { value: 90, comparator: '>', unit: 'mL/min/1.73 m2' } }),
    observed('o6', 'laboratory', loinc('2345-7', 'Glucose [Mass/volume] in Serum or Plasma'), '2026-11-18T07:40:00+01:00', { dataAbsentReason: hl7('data-absent-reason', 'error'), note: [{ text: 'Haemolysed.' }] }),
    observed('o7', 'laboratory', loinc('94500-6', 'SARS-CoV-2 RNA'), '2026-11-01', { valueCodeableConcept: snomed('260415000', 'Not detected'), interpretation: [hl7('v3-ObservationInterpretation', 'NEG')] }),
    { ...observed('o8', 'laboratory', loinc('2823-3', 'Potassium [Moles/volume] in Serum or Plasma'), '2026-11-17', measured(9.9, 'mmol/L')), status: 'entered-in-error' },
    observed('o12', 'procedure', loinc('11524-6', 'EKG study'), '2026-11-18T09:00:00+01:00', {
      component: ['I', 'II'].map((lead, i) => ({ code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: `${131329 + i}` }], text: `Lead ${lead}` }, valueSampledData: sampled(Array.from({ length: 500 }, (_, n) => Math.round(400 * Math.sin(n / 8) ** 15))) })),
    }),
    observed('o13', 'vital-signs', { text: 'Pulse curve' }, '2026-11-17T09:00:00+01:00', { valueSampledData: sampled([5, 7, 9, 7, 5]) }),
    observed('o14', 'vital-signs', { text: 'Breath curve' }, '2026-11-17T09:00:00+01:00', { valueSampledData: { ...sampled([1, 2]), period: -1 } }),
    observed('o9', 'vital-signs', loinc('39156-5', 'Body mass index'), '2026-11', measured(28.431928374, 'kg/m2')),
    observed('o10', 'social-history', loinc('72166-2', 'Tobacco smoking status'), '2026-05-02', { valueCodeableConcept: { text: 'Former smoker' } }),
    observed('o11', 'survey', { coding: [{ system: 'urn:oid:1.2.3.4', code: 'X-17' }] }, '2026-05-02', { valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } }),
    {
      resourceType: 'DiagnosticReport', id: 'd1', status: 'final', category: [hl7('v2-0074', 'LAB')], code: loinc('24323-8', 'Comprehensive metabolic panel'), effectiveDateTime: '2026-11-18T07:40:00+01:00', issued: '2026-11-18T11:02:00+01:00',
      result: [{ reference: 'Observation/o1' }, { reference: 'Observation/o4', display: 'Haemoglobin' }, { reference: 'Observation/gone', display: 'Sodium' }], conclusion: 'Hyperkalaemia. Repeat at once.',
      presentedForm: [{ contentType: 'text/plain; charset=utf-8', data: btoa('POTASSIUM 6.4 mmol/L (3.5-5.1) HH\nTelephoned to the ward at 08:05.'), title: 'Laboratory report' }],
    },
    { resourceType: 'Immunization', id: 'i1', status: 'completed', vaccineCode: { text: 'Influenza 2026' }, occurrenceDateTime: '2026-10-02', lotNumber: 'AB-77', protocolApplied: [{ doseNumberPositiveInt: 1, seriesDosesPositiveInt: 1 }] },
    { resourceType: 'Immunization', id: 'i2', status: 'not-done', statusReason: { text: 'Declined by the patient' }, vaccineCode: { text: 'Pneumococcal' }, occurrenceString: 'autumn 2025' },
    { resourceType: 'Encounter', id: 'e1', status: 'in-progress', class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' }, type: [{ text: 'Admission to the medical ward' }], period: { start: '2026-11-18T06:50:00+01:00' }, reasonCode: [{ text: 'Weakness' }], diagnosis: [{ condition: { reference: 'Condition/c1' } }] },
    { resourceType: 'DocumentReference', id: 'doc1', status: 'current', type: loinc('18842-5', 'Discharge summary'), date: '2016-03-21T10:00:00Z', description: 'Pneumonia, medical ward', content: [{ attachment: { contentType: 'application/pdf', title: 'Discharge summary', data: files.pdf ?? btoa('%PDF-1.4') } }] },
    { resourceType: 'DocumentReference', id: 'doc2', status: 'current', type: { text: 'Chest CT' }, date: '2026-11-18', content: [{ attachment: { contentType: 'image/jpeg', title: 'CT slice', data: files.jpeg ?? '/9j/' } }, { attachment: { contentType: 'application/dicom', title: 'CT slice (DICOM)', data: files.dicom ?? 'AAAA' } }] },
    { resourceType: 'DocumentReference', id: 'doc3', status: 'current', type: { text: 'ECG' }, date: '2026-11-18', content: [{ attachment: { contentType: 'application/dicom', url: 'Binary/b1' } }] },
    { resourceType: 'Binary', id: 'b1', contentType: 'application/dicom', data: files.ecg ?? 'AAAA' },
    { resourceType: 'DocumentReference', id: 'doc4', status: 'current', type: { text: 'Letter' }, content: [{ attachment: { contentType: 'text/html', data: btoa(`<h1>Letter</h1><p>Dear colleague${script}</p>${image}`) } }] },
    { resourceType: 'DocumentReference', id: 'doc5', status: 'current', type: { text: 'Kept elsewhere' }, content: [{ attachment: { contentType: 'application/pdf', url: 'https://files.example/letter.pdf' } }] },
    { resourceType: 'ImagingStudy', id: 'is1', status: 'available', started: '2026-11-18T08:20:00+01:00', description: 'CT of the chest', numberOfInstances: 212, series: [{ modality: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'CT', display: 'Computed Tomography' }, numberOfInstances: 212, bodySite: { display: 'Thorax' } }] },
    { resourceType: 'Goal', id: 'g1', lifecycleStatus: 'active', description: { text: 'Blood pressure below 130/80' }, startDate: '2026-08-03', target: [{ measure: { text: 'Systolic' }, detailQuantity: { value: 130, comparator: '<', unit: 'mmHg' } }] },
    { resourceType: 'Device', id: 'dev1', status: 'active', deviceName: [{ name: 'Pacemaker Azure XT', type: 'user-friendly-name' }], manufacturer: 'Medtronic', serialNumber: 'PZN1' },
    { resourceType: 'FamilyMemberHistory', id: 'f1', status: 'completed', relationship: { text: 'Mother' }, condition: [{ code: { text: 'Breast cancer' }, onsetAge: { value: 58, unit: 'a' } }] },
    { resourceType: 'QuestionnaireResponse', id: 'q1', status: 'completed', authored: '2026-10-30', item: [{ linkId: '1', text: 'Pain today (0-10)', answer: [{ valueInteger: 3 }] }] },
    { resourceType: 'SomethingNew', id: 'n1', title: 'A type from the future', amount: { value: 2, unit: 'kg' } },
    ...hostile(),
  ]
}

function pressures(): Json[] {
  const values: [string, number, number][] = [['2025-01-14', 148, 92], ['2025-06-20', 141, 88], ['2026-02-03', 139, 86], ['2026-08-02', 134, 84], ['2026-11-18', 162, 98]]
  return values.map(([at, high, low], i) =>
    observed(`bp${i}`, 'vital-signs', loinc('85354-9', 'Blood pressure'), at, {
      component: [
        { code: loinc('8462-4', 'Diastolic blood pressure'), ...measured(low, 'mmHg', undefined, 90, low > 90 ? 'H' : 'N') },
        { code: loinc('8480-6', 'Systolic blood pressure'), ...measured(high, 'mmHg', undefined, 140, high > 140 ? 'H' : 'N') },
      ],
    }),
  )
}

/** Content that wants to do harm, or is of shapes that nobody expects. */
export function hostile(): Json[] {
  return [
    { resourceType: 'Condition', id: 'h1', code: { text: `Cough ${image}` }, text: { status: 'additional', div: `<div>seen${script}<a href="javascript:window.harmed=true">x</a></div>` }, clinicalStatus: 'active', onsetDateTime: '2021-02-31' },
    { resourceType: 'Observation', id: 'h2', status: 7, code: [], category: 'vital-signs', valueQuantity: { value: '7', unit: ['x'] }, component: { code: null }, referenceRange: 'high' },
    { resourceType: 'MedicationRequest', id: 'h3', medicationReference: { reference: 'MedicationRequest/h3' }, dosageInstruction: [null, 4, { timing: { repeat: { frequency: 1e308, period: -1, periodUnit: 'constructor' } } }] },
    { resourceType: 'AllergyIntolerance', id: 'h4', code: { text: '\u202eniliicinep\u202c ot eno' }, reaction: 'many', __proto__: { polluted: true } },
    { resourceType: 'Encounter', id: 'h5', period: { start: 'yesterday', end: 20260101 }, class: [], participant: {}, encounter: { reference: 'Encounter/h5' } },
    { resourceType: 'DocumentReference', id: 'h6', content: [{ attachment: { contentType: 'application/pdf', data: 'not base64!' } }, { attachment: null }, 'x'] },
    { resourceType: 'constructor', id: 'h7', status: 'toString', text: { div: 42 } },
    { resourceType: 'Patient', id: 'h8', name: 'Wallin', birthDate: '1972-13-14', gender: { x: 1 } },
    { resourceType: 'CarePlan', id: 'h9', title: 'x'.repeat(100_000), activity: Array.from({ length: 500 }, () => ({ detail: { code: { text: 'y' } } })) },
  ]
}
