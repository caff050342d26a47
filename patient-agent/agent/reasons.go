package agent

import "medunion/api/problem"

// Reason says why something is as it is: a stable code, which pages translate, and the
// same in an English sentence.
type Reason struct {
	Code, Says string
}

// The codes of a visit: how it stands while it goes on, and why it failed. They are
// part of the interface (api/openapi/patientagent.yaml).
const (
	codeWaiting   = "waiting-for-doctor"
	codeVerified  = "doctor-verified"
	codeSharing   = "sharing"
	codeShared    = "shared"
	codeSearched  = "searched"
	codeReading   = "reading"
	codeDiagnosed = "diagnosed"

	// Nothing was shared.
	codeNotTaken      = "request-not-taken"
	codeSilent        = "doctor-silent"
	codePortalLost    = "portal-lost"
	codeNotProven     = "answer-not-proven"
	codeSessionOver   = "session-over"
	codeNotGiven      = "consent-not-given"
	codeNotStored     = "not-stored"
	codeStoppedBefore = "stopped-before-sharing"
	codeEndedBefore   = "ended-before-sharing"

	// The consent may have left.
	codeUncertain      = "sharing-uncertain"
	codeNoDiagnosis    = "no-diagnosis"
	codeDiagnosisLost  = "diagnosis-lost"
	codeBadDiagnosis   = "diagnosis-not-proven"
	codeStoppedAfter   = "stopped-after-sharing"
	codeEndedAfter     = "ended-after-sharing"
	codeFailed         = "failed"
	codePortalOffline  = "portal-unreachable"
	codeFromTheRecord  = "diagnosed-in-record"
	appearsInDiagnoses = "If the doctor writes it into a hospital's record, it appears among your diagnoses."
)

// sentences are the codes in words.
var sentences = map[string]string{
	codeWaiting:   "Waiting for the doctor to answer.",
	codeVerified:  "The doctor has answered and is verified.",
	codeSharing:   "Sharing what you have allowed.",
	codeShared:    "Shared. Waiting for the diagnosis.",
	codeSearched:  "The doctor has searched for your records.",
	codeReading:   "The doctor has received records from your hospitals.",
	codeDiagnosed: "The diagnosis was received and verified.",

	codeNotTaken:      "The doctor's portal did not take the request. Nothing was shared.",
	codeSilent:        "The doctor did not answer within 15 minutes. Nothing was shared.",
	codePortalLost:    "The doctor's portal could not be asked for the answer. Nothing was shared.",
	codeNotProven:     "The answer did not hold: it is not proven to be from this doctor. Nothing was shared.",
	codeSessionOver:   "The doctor's answer came when the session was over. Nothing was shared.",
	codeNotGiven:      "The consent could not be given. Nothing was shared.",
	codeNotStored:     "The consent could not be stored and was not sent. Nothing was shared.",
	codeStoppedBefore: "The agent was stopped or locked during the visit, and its session key is gone. Nothing was shared.",
	codeEndedBefore:   "You ended the visit. Nothing was shared.",

	codeUncertain: "The doctor's portal did not take what you shared. It may have arrived nevertheless: revoke the consent if you do not want it used.",
	codeNoDiagnosis: "The session ended before a diagnosis came. " +
		appearsInDiagnoses,
	codeDiagnosisLost: "The doctor's portal could not be asked for the diagnosis. " + appearsInDiagnoses,
	codeBadDiagnosis:  "A diagnosis came that does not hold: it is not proven to be the doctor's, about you, under your consent. It was dropped.",
	codeStoppedAfter: "The agent was stopped or locked during the visit, and its session key is gone. " +
		"The doctor may still use the consent that you gave: see your consents, and revoke it if you want to. " + appearsInDiagnoses,
	codeEndedAfter: "You ended the visit. The doctor may still use the consent that you gave, until it ends or you revoke it. " + appearsInDiagnoses,
	codeFailed:     "The visit failed.",

	codePortalOffline: "The doctor's portal cannot be reached just now. It is tried again.",
	codeFromTheRecord: "The diagnosis was found in a hospital's record and verified.",
}

func reason(code string) Reason { return Reason{Code: code, Says: sentences[code]} }

// Errors that a person may see.
var (
	errLocked       = problem.Conflict("The store is locked; unlock it first.").Coded("store-locked")
	errNoStore      = problem.Conflict("There is no store yet; register first.").Coded("no-store")
	errPassphrase   = problem.Invalid("The passphrase is wrong.").Coded("wrong-passphrase")
	errPasskey      = problem.Invalid("The passkey is not the one that you registered with, or its answer does not hold.").Coded("wrong-passkey")
	errNewPasskey   = problem.Invalid("The new passkey does not hold: it must be made by this page, with user verification.").Coded("passkey-unusable")
	errNoChallenge  = problem.Invalid("The challenge of the passkey is unknown, used up or too old; begin again.").Coded("challenge-over")
	errNoOpener     = problem.Invalid("The store needs something to open it: a passphrase, or a passkey with the PRF extension.").Coded("passphrase-needed")
	errShort        = problem.Invalid("The passphrase must have 8 bytes at least.").Coded("passphrase-short")
	errByPasskey    = problem.Invalid("Your consents are approved with your passkey.").Coded("passkey-needed")
	errByPassphrase = problem.Invalid("Your consents are approved with your passphrase.").Coded("passphrase-approves")
	errNoApproval   = problem.NotFound("There is no such approval, or its five minutes are over; choose again.").Coded("approval-over")
	errNotAgain     = problem.Conflict("This visit cannot be begun again.").Coded("not-repeatable")
	errTooLate      = problem.Conflict("Your credential has ended and cannot be renewed; register anew, and see the desk of each hospital.").Coded("credential-ended")
	errOver         = problem.Conflict("The visit is over.").Coded("visit-over")
	errNoDoctor     = problem.NotFound("This code leads to no doctor who can be reached now. It may be of an older card: ask the doctor for the new one.").Coded("no-doctor")
	errNoVisit      = problem.NotFound("There is no such visit.").Coded("no-visit")
	errNoConsent    = problem.NotFound("There is no such consent.").Coded("no-consent")
)
