// Package practice is a doctor at work: her sealed store, her presence at the portal,
// the waiting room, and the visits with search, releases, diagnosis and evidence. It
// conducts the role of package doctor, and is the same for the page in a browser, where
// it runs as WASM in a worker, and for the headless agent. Its methods and the JSON names
// of its types are the page's interface.
//
// It does input and output through ports only: Portal carries one HTTP exchange,
// keystore.Files keeps the sealed files. The portal is trusted with nothing: prekeys,
// directory, parameters and revocation list are verified under the pinned PUK_C, every
// message under the keys of its sender.
//
// # The life of the store
//
//	absent -Create or ImportStore-> open -Lock-> locked -Unlock-> open
//
// While it is open the practice logs in to the portal, keeps prekey and revocation list
// new, reads the inbox as a stream of events that survives lost connections, and answers
// patients by itself. Lock ends all visits, for their session keys are never stored, and
// drops every key; the evidence stays, sealed.
//
// # Reasons
//
// Whatever a person may read has a stable code beside the English sentence: Reason in
// what is shown, Problem (ProblemOf) for errors. Codes of failures at a peer begin with
// portal-, cloud- or hospital- and end with silent, clock, refused, unverified, unlisted,
// busy or failed.
//
// # Two workstations of one doctor
//
// ExportStore and ImportStore take the identity to a second place; both may be at work at
// the same time. Each publishes a prekey of its own when it is unlocked, and the one
// published last is in the directory: new patients come to the place that was unlocked
// last (or whose prekey was renewed last, every 12 hours). Both read the same inbox. A
// prekey's private half exists where it was made and nowhere else, so an M1 opens in one
// place and is answered once; the other place leaves it, and the M3 that follows, alone:
// nothing is closed, nothing is shown, and the log has a line at its lowest level. Visits,
// records and evidence stay where the patient was answered.
//
// # The evidence file
//
// EvidenceFile writes JSON with the members
//
//	format       "medunion evidence of a visit, version 1"
//	pins         ID_PC, PK and PUK_C, as in a pins file
//	authority    the medical authority's name and JWKS
//	doctor       Cred_D
//	certificate  Cert_D, a JWT
//	patient      Cred_P
//	consent      CON without kv*; absent if the visit ended before it came
//	hospitals    Cred_HPC of each that answered
//	statements   name, signer, statement and signature, in the order of the visit
//	contents     ⟨M: salt, bytes⟩: M_SD, the pages of M_EMR, M_DINF
//
// Binary values are base64url without padding of the protocol's canonical encoding
// (package message), but for a signer, which is c_X in hexadecimal. Each statement is
// ⟨name: hdr, fields⟩ as it was signed; the file verifies with no more than PUK_C and the
// authority's keys, which the verifier brings himself (VerifyEvidenceFile).
package practice
