package practice

import (
	"errors"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/keystore"
)

// Why a visit is closed.
var (
	reasonLeft        = Reason{Code: "patient-left", Says: "The patient did not go on."}
	reasonDoctor      = Reason{Code: "closed-by-doctor", Says: "The doctor closed the visit."}
	reasonLocked      = Reason{Code: "locked", Says: "The key store was locked."}
	reasonUnverified  = Reason{Code: "patient-unverified", Says: "The patient's message could not be verified."}
	reasonUnreadable  = Reason{Code: "evidence-unreadable", Says: "The evidence does not open: its file was altered."}
	reasonUnkept      = Reason{Code: "evidence-not-kept", Says: "The evidence could not be kept."}
	reasonUnanswered  = Reason{Code: "patient-not-answered", Says: "The patient could not be answered."}
	reasonCancelled   = Reason{Code: "cancelled", Says: "Cancelled."}
	reasonExpired     = Reason{Code: "consent-expired", Says: "The patient's consent is not in force."}
	reasonUnlicensed  = Reason{Code: "certificate-expired", Says: "The certificate or the credential of the doctor is not in force."}
	reasonUndelivered = Reason{Code: "not-delivered", Says: "Not sent to the patient."}
	reasonOver        = Reason{Code: "session-over", Says: "Not sent to the patient: the session is over; she can read it at the hospital."}
	reasonUnstored    = Reason{Code: "not-stored", Says: "Not stored at the hospital."}
	reasonUnindexed   = Reason{Code: "not-indexed", Says: "Not indexed; the hospital does it itself."}
)

// peer is a party whose failures are told apart: the first part of a code, and the name
// in the sentence.
type peer struct{ code, name string }

var (
	peerCloud    = peer{"cloud", "public cloud"}
	peerHospital = peer{"hospital", "hospital"}
	peerPortal   = peer{"portal", "portal"}
	peerSession  = peer{"session", "session"}
)

// because says why something failed at a peer: one of its codes silent, clock, refused,
// unverified, unlisted, busy, failed, or what is wrong here.
func because(err error, at peer) Reason {
	is := func(code, says string) Reason { return Reason{Code: at.code + "-" + code, Says: says} }
	switch problem.KindOf(err) {
	case problem.KindUnavailable:
		return is("silent", "The "+at.name+" does not answer.")
	case problem.KindStale:
		return is("clock", "The clock here or at the "+at.name+" is wrong.")
	case problem.KindRefused:
		return refusal(err, at, is)
	case problem.KindNotFound:
		return is("unlisted", "The "+at.name+" has no valid key in the directory, or is not in it.")
	case problem.KindTooMany:
		return is("busy", problem.From(err).Error())
	}
	return is("failed", problem.From(err).Error())
}

// refusal tells who refused: the peer, or our own checks.
func refusal(err error, at peer, is func(code, says string) Reason) Reason {
	switch {
	case remote(err):
		return is("refused", "The "+at.name+" refused.")
	case errors.Is(err, message.ErrConsent):
		return reasonExpired
	}
	return is("unverified", "What came from the "+at.name+" could not be verified.")
}

// with is a reason and what lies behind it.
func (r Reason) with(cause Reason) Reason {
	return Reason{Code: r.Code, Says: r.Says + " " + cause.Says, Because: cause.Code}
}

// coded is the cause of a problem that a page tells by its code.
type coded struct {
	reason Reason
	cause  error
}

func (c *coded) Error() string {
	if c.cause == nil {
		return c.reason.Code
	}
	return c.reason.Code + ": " + problem.Reason(c.cause)
}

func (c *coded) Unwrap() error { return c.cause }

// failed gives a problem its code; its sentence is the problem's own.
func failed(e *problem.Error, code string) error {
	return e.Because(&coded{Reason{Code: code, Says: e.Detail}, e.Unwrap()})
}

// blame says at which peer a call failed.
func blame(err error, at peer) error {
	if err == nil {
		return nil
	}
	return problem.From(err).Because(&coded{because(err, at), err})
}

// codes of causes that other packages name.
var codesOf = []struct {
	cause error
	Reason
}{
	{keystore.ErrAbsent, Reason{Code: "store-absent", Says: "There is no key store yet."}},
	{keystore.ErrExists, Reason{Code: "store-exists", Says: "There is a key store already."}},
	{keystore.ErrOpener, Reason{Code: "wrong-opener", Says: "It does not open: the passphrase or the passkey is another one, or the file was altered."}},
	{keystore.ErrPassphrase, Reason{Code: "passphrase-length", Says: "The passphrase must have 12 to 1024 bytes."}},
	{keystore.ErrAltered, Reason{Code: "store-altered", Says: "The file was altered."}},
	{keystore.ErrFormat, Reason{Code: "not-a-store", Says: "The file is no key store of this version."}},
	{keystore.ErrBinding, Reason{Code: "other-pins", Says: "The store was made for another public cloud, another medical authority or another portal."}},
	{keystore.ErrLastOpener, Reason{Code: "last-opener", Says: "The last opener cannot be removed."}},
	{keystore.ErrClosed, Reason{Code: "locked", Says: "The key store is locked."}},
	{message.ErrConsent, reasonExpired},
}

// ProblemOf is an error as a page shows it. It reveals what an *problem.Error does, and
// the code and sentence of those failures of our own that have one.
func ProblemOf(err error) Problem {
	e := problem.From(err)
	if e == nil {
		return Problem{}
	}
	doc := e.Document("")
	out := Problem{Kind: "internal", Detail: doc.Detail, RetryAfter: int(doc.RetryAfter)}
	if kind, known := kindNames[e.Kind]; known {
		out.Kind = kind
	}
	if r, known := codeOf(err); known {
		out.Code = r.Code
		if r.Says != "" {
			out.Detail = r.Says
		}
	}
	return out
}

func codeOf(err error) (Reason, bool) {
	var c *coded
	if errors.As(err, &c) {
		return c.reason, true
	}
	for _, k := range codesOf {
		if errors.Is(err, k.cause) {
			return k.Reason, true
		}
	}
	return Reason{}, false
}

// remoteError marks a problem that a peer answered with.
type remoteError struct{ error }

func (r *remoteError) Unwrap() error { return r.error }

// remote reports whether a peer answered with the problem, as opposed to our own
// checks. A peer's problem is wrapped where it is read.
func remote(err error) bool {
	var r *remoteError
	return errors.As(err, &r)
}

func unavailable(cause string) error { return problem.Unavailable(time.Second, errors.New(cause)) }
