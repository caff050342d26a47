// Package signals turns what a patient measured at home into M_SD, the FHIR R4
// collection Bundle that goes to her doctor.
//
// A CSV file of a ring or an ECG becomes one Observation with SampledData. The
// samples are kept exactly: their decimal text is copied, not parsed and
// printed again, and nothing is filtered or thinned out. FHIR files are taken
// as they are, byte for byte.
//
// Nobody vouches for the values; that they are self-measured is told by where
// they come from, M_SD. A Patient resource among them is self-stated.
//
// # Codes
//
// An Observation names what it is in LOINC where LOINC has a term, and in the
// nomenclature of ISO/IEEE 11073-10101 (MDC), which has one for every waveform:
//
//	ECG         LOINC 11524-6 (EKG study) and MDC 131328 (MDC_ECG_ELEC_POTL),
//	            category procedure; one component per lead, coded
//	            131328 + lead number: I 131329, II 131330, V1-V6 131331-131336,
//	            III 131389, aVR 131390, aVL 131391, aVF 131392. Other leads, such
//	            as the modified leads of a Holter, have the general code and
//	            their name as text.
//	PPG         MDC 150452 (MDC_PULS_OXIM_PLETH), category vital-signs. LOINC
//	            59408-5, often put here, is the oxygen saturation computed from
//	            the curve and would be wrong.
//	Heart rate  LOINC 8867-4 and MDC 149530 (MDC_PULS_OXIM_PULS_RATE), category
//	            vital-signs, unit /min: a series of rates, not a curve.
package signals
