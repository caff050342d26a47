// Package doctor is the doctor's role in the protocol: registration, the
// consultation with a patient (M1-M3), the search at the public cloud (M4, M5),
// the sessions with hospitals (M6-M9) and the diagnosis (M10-M12).
//
// A method performs one step of the paper; the equation stands beside the line
// that computes it. The package does no I/O: messages go in and come out as
// values, and clock, randomness and the store of seen messages are injected. It
// runs natively and, compiled for GOOS=js GOARCH=wasm, in the doctor's browser.
//
// The life of the objects:
//
//	New or Load -> SetCertificate -> Register -> AcceptRegistration      Doctor
//	Doctor.AnswerM1 -> ReceiveM3 -> Diagnose -> M10                       Visit
//	Visit.BeginSearch -> ReceiveM5                                        Search
//	Search.BeginSession -> ReceiveM7 -> (M8 -> ReceiveM9* | M11 -> ReceiveStored)*  Session
//	Visit.BeginIndexing -> ReceiveIndexed                                 Indexing
//
// A step out of this order is a conflict and changes nothing. A message of a
// session that is altered, reflected, out of order or malformed closes the
// session: none of its later messages is opened.
//
// Errors are *problem.Error. Whatever cryptographic or consent check fails is a
// refusal, the same outside; its cause is kept for the audit log.
package doctor
