// Package hospital is the role HPC of the protocol: a hospital's private cloud.
//
// It enrols patients (section 4.2 of the protocol), keeps their records, opens
// sessions for doctors (M6, M7), releases what a consent allows (M8, M9), takes a
// diagnosis back (M11), and answers what a patient asks about herself.
//
// The package does no I/O: clock, randomness and stores are injected. What it hands
// to a store is sealed already; a store sees random handles, keyed hashes and
// ciphertext. The promises that it keeps:
//
//   - Nothing of a record leaves before its numbered receipt and its line of the
//     audit trail are durable.
//   - A record is a hash chain with an authenticated head: a version that is lost,
//     exchanged or cut off is an error when the record is read, never a shorter answer.
//   - Only the pinned keys of an enrolled patient, in a credential that is good, can
//     authorise a release; the public cloud cannot replace them.
//   - Every refusal is the same outside; its reason stands in the audit trail.
//   - Every change of state is a compare-and-set or carries a unique operation id, so
//     that the replayed or the slower of two requests changes nothing.
package hospital
