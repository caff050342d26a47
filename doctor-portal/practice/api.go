package practice

import "medunion/api/problem"

// Opener is what opens the store: a passphrase, or the 32-byte output of a passkey's
// PRF extension with the id of its credential (base64url).
type Opener struct {
	Passphrase   string `json:"passphrase,omitempty"`
	PRF          []byte `json:"prf,omitempty"`
	CredentialID string `json:"credentialId,omitempty"`
}

// String is the same for every opener: it is a secret.
func (Opener) String() string { return "[redacted]" }

// GoString is the same for every opener.
func (Opener) GoString() string { return "[redacted]" }

// The kinds of opener.
const (
	KindPassphrase = "passphrase"
	KindPasskey    = "passkey"
)

// OpenerKind names an opener of the store without its secret.
type OpenerKind struct {
	Kind         string `json:"kind"`                   // passphrase or passkey
	CredentialID string `json:"credentialId,omitempty"` // of a passkey
}

// StoreState says whether there is a store, and whether its keys are at hand.
type StoreState string

// The states of the store.
const (
	StoreAbsent StoreState = "absent"
	StoreLocked StoreState = "locked"
	StoreOpen   StoreState = "open"
)

// Status is what can be known without opening the store.
type Status struct {
	Store       StoreState   `json:"store"`
	Openers     []OpenerKind `json:"openers"`
	Fingerprint string       `json:"fingerprint"` // of the pins and the medical authority: 8 groups of 4 hex digits
}

// NewStore is what a first start needs.
type NewStore struct {
	ID     string `json:"id"`    // ID_D
	Suite  int    `json:"suite"` // 1 X25519, 2 X-Wing
	Opener Opener `json:"opener"`
}

// Import is a store from another workstation, and how it opens here.
type Import struct {
	File       []byte `json:"file"`
	Passphrase string `json:"passphrase"` // of the file
	Opener     Opener `json:"opener"`
}

// DoctorState is how far the doctor's set-up has come.
type DoctorState string

// The states of a doctor's set-up.
const (
	DoctorNew        DoctorState = "new"
	DoctorCertified  DoctorState = "certified"
	DoctorRegistered DoctorState = "registered"
)

// Doctor is the doctor as patients and the portal see her.
type Doctor struct {
	ID               string      `json:"id"`
	Suite            int         `json:"suite"`
	State            DoctorState `json:"state"`
	Credential       string      `json:"credential,omitempty"` // c_D, 64 hex digits
	Name             string      `json:"name,omitempty"`       // this and the next from Cert_D
	Licence          string      `json:"licence,omitempty"`
	Departments      []string    `json:"departments,omitempty"`
	Affiliation      string      `json:"affiliation,omitempty"`
	CertificateUntil int64       `json:"certificateUntil,omitempty"` // milliseconds
	Online           bool        `json:"online"`                     // portal reached, prekey published, revocation list new
	Trouble          *Reason     `json:"trouble,omitempty"`
}

// Reason says why, for a program and for a person.
type Reason struct {
	Code    string `json:"code"`
	Says    string `json:"says"`
	Because string `json:"because,omitempty"` // the code of what lies behind it
}

// Person is what the medical authority is asked to certify.
type Person struct {
	Licence     string   `json:"licence"`
	Name        string   `json:"name"`
	Departments []string `json:"departments"`
	Affiliation string   `json:"affiliation,omitempty"`
}

// Card is the visit link that the doctor shows.
type Card struct {
	Link       string `json:"link"`
	Credential string `json:"credential"`
}

// Hospital is a line of the signed directory.
type Hospital struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

// VisitState is how far a visit has come.
type VisitState string

// The states of a visit.
const (
	VisitAnswered VisitState = "answered" // M2 is sent, the patient's consent is awaited
	VisitWaiting  VisitState = "waiting"  // it is verified: she is in the waiting room
	VisitOpen     VisitState = "open"     // the doctor has called her in
	VisitClosed   VisitState = "closed"
)

// Visit is one consultation as the doctor sees it. Times are in milliseconds.
type Visit struct {
	ID        string             `json:"id"` // local: 16 hex digits
	State     VisitState         `json:"state"`
	Since     int64              `json:"since"`
	Expires   int64              `json:"expires"` // of the session with the patient
	Reason    *Reason            `json:"reason,omitempty"`
	Patient   Patient            `json:"patient"`
	Consent   *Consent           `json:"consent,omitempty"`
	Search    *Search            `json:"search,omitempty"`
	Hospitals []HospitalProgress `json:"hospitals"`
	Diagnosis *Diagnosis         `json:"diagnosis,omitempty"`
}

// Patient is who came, as the public cloud certifies her; it knows no name.
type Patient struct {
	ID           string `json:"id"`
	Credential   string `json:"credential"`   // c_P
	Verification string `json:"verification"` // passphrase or passkey
}

// Consent is what the patient allows.
type Consent struct {
	Hash       string  `json:"hash"`
	Department string  `json:"department"`
	Purpose    string  `json:"purpose"`
	NotBefore  int64   `json:"notBefore"`
	Expires    int64   `json:"expires"`
	MaxUses    int64   `json:"maxUses"`
	Uses       int64   `json:"uses"` // searches of this visit that the public cloud answered
	WriteTo    string  `json:"writeTo,omitempty"`
	Grants     []Grant `json:"grants"`
}

// Grant is what the patient allows at one hospital.
type Grant struct {
	Hospital    string   `json:"hospital"`
	Departments []string `json:"departments"`
	Classes     []string `json:"classes"`
}

// SearchState is how far a search has come, all its releases included.
type SearchState string

// The states of a search.
const (
	SearchRunning   SearchState = "running"
	SearchDone      SearchState = "done"
	SearchFailed    SearchState = "failed"
	SearchCancelled SearchState = "cancelled"
)

// StepAsking is the step of a running search in which the public cloud is asked.
const StepAsking = "asking"

// Search is the state of the last search.
type Search struct {
	State  SearchState `json:"state"`
	Step   string      `json:"step,omitempty"` // asking, while the public cloud is asked
	Reason *Reason     `json:"reason,omitempty"`
}

// HospitalState is how far a hospital's release has come.
type HospitalState string

// The states of a release.
const (
	HospitalConnecting HospitalState = "connecting"
	HospitalVerifying  HospitalState = "verifying"
	HospitalReceiving  HospitalState = "receiving"
	HospitalVerified   HospitalState = "verified"
	HospitalFailed     HospitalState = "failed"
	HospitalCancelled  HospitalState = "cancelled"
)

// HospitalProgress is one hospital of a search. Resources, Receipt and Signed are of
// the release that is here and verified; they stay while a newer one is fetched.
type HospitalProgress struct {
	Hospital  string        `json:"hospital"`
	State     HospitalState `json:"state"`
	Page      int           `json:"page,omitempty"` // the last page that came
	Pages     int           `json:"pages,omitempty"`
	Resources int           `json:"resources"`
	Receipt   int64         `json:"receipt,omitempty"` // number of the release at the hospital
	Signed    int64         `json:"signed,omitempty"`  // when the hospital signed it
	Reason    *Reason       `json:"reason,omitempty"`
	Held      Scope         `json:"held"`     // what the index names there and the consent grants
	Withheld  Scope         `json:"withheld"` // what the index names there and the consent does not grant
}

// Scope is a part of a record: departments and record classes, sorted.
type Scope struct {
	Departments []string `json:"departments"`
	Classes     []string `json:"classes"`
}

// Filter narrows what the consent grants; empty means all of it. Hospital names one that
// failed, to be asked again alone.
type Filter struct {
	Hospital    string   `json:"hospital,omitempty"`
	Departments []string `json:"departments,omitempty"`
	Classes     []string `json:"classes,omitempty"`
	Since       int64    `json:"since,omitempty"`
	Until       int64    `json:"until,omitempty"`
}

// Records are resources whose bytes stand in Data end to end.
type Records struct {
	Records []Record `json:"records"`
	Data    []byte   `json:"data"`
}

// Record is one resource of a release, byte for byte as its hospital imported it.
type Record struct {
	Number   int    `json:"number"` // in the visit, from 1
	Hospital string `json:"hospital"`
	Type     string `json:"type"`
	ID       string `json:"id,omitempty"`
	FullURL  string `json:"fullURL,omitempty"`
	Offset   int    `json:"offset"` // in Data
	Length   int    `json:"length"`
}

// Draft is a diagnosis before it is signed. A code, or a text, is needed.
type Draft struct {
	Code       *Coding     `json:"code,omitempty"`
	Text       string      `json:"text,omitempty"` // the diagnosis in words, up to 1024 characters
	Note       string      `json:"note,omitempty"` // up to 65536 characters
	Attachment *Attachment `json:"attachment,omitempty"`
}

// Coding is a concept of a code system.
type Coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

// Attachment is a file that goes with the diagnosis, up to 1 MiB.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"` // media type
	Data []byte `json:"data"`
}

// Preview is what Sign would sign: exactly Bundle, over exactly these releases.
type Preview struct {
	Bundle   string    `json:"bundle"` // FHIR R4 collection, as text
	Patient  string    `json:"patient"`
	Consent  string    `json:"consent"` // H(Consent)
	WriteTo  string    `json:"writeTo,omitempty"`
	Releases []Receipt `json:"releases"`
}

// Receipt names a release.
type Receipt struct {
	Hospital string `json:"hospital"`
	Receipt  int64  `json:"receipt"`
}

// Diagnosis says where the signed diagnosis has arrived.
type Diagnosis struct {
	Delivered bool     `json:"delivered"` // it lies in the patient's mailbox
	Stored    *Stored  `json:"stored,omitempty"`
	Indexed   *Indexed `json:"indexed,omitempty"`
	Failures  []Reason `json:"failures"` // what has not succeeded: Resend tries it again
}

// Stored is the home hospital's receipt.
type Stored struct {
	Hospital string `json:"hospital"`
	Record   int64  `json:"record"` // number of the record version
	Time     int64  `json:"time"`
}

// Indexed is the public cloud's receipt.
type Indexed struct {
	Time int64 `json:"time"`
}

// Evidence is the signatures of a visit, each verified anew.
type Evidence struct {
	Statements []Statement `json:"statements"`
}

// EarlierVisit is a visit of an earlier session, as its evidence tells.
type EarlierVisit struct {
	ID        string   `json:"id"`
	Since     int64    `json:"since,omitempty"`   // from when the consent was, milliseconds
	Patient   string   `json:"patient,omitempty"` // ID_P
	Hospitals []string `json:"hospitals"`         // that released or stored something, sorted
	Diagnosed bool     `json:"diagnosed"`         // a diagnosis was signed
	Reason    *Reason  `json:"reason,omitempty"`  // why the evidence does not open
}

// Statement is one signature: whose it is, what it proves, and whether it holds.
type Statement struct {
	Name     string  `json:"name"` // the paper's: Sig_P1, ..
	Signer   Signer  `json:"signer"`
	Covers   string  `json:"covers"` // code of what it proves
	Time     int64   `json:"time,omitempty"`
	Verified bool    `json:"verified"`
	Why      *Reason `json:"why,omitempty"` // if it is not
}

// Signer is a party of the visit.
type Signer struct {
	Role string `json:"role"` // patient, doctor, hospital or cloud
	ID   string `json:"id"`
}

// Event says that something may be shown anew.
type Event struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`   // of a visit
	Code string `json:"code,omitempty"` // of a warning
}

// The types of event.
const (
	EventDoctor  = "doctor"
	EventVisits  = "visits"
	EventVisit   = "visit"
	EventLocked  = "locked"
	EventWarning = "warning"
)

// Problem is an error as a page shows it.
type Problem struct {
	Kind       string `json:"kind"` // invalid, unauthenticated, refused, notFound, conflict, stale, tooMany, unavailable or internal
	Detail     string `json:"detail"`
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds
	Code       string `json:"code,omitempty"`
}

// kindNames are the kinds of problem as pages know them.
var kindNames = map[problem.Kind]string{
	problem.KindInvalid: "invalid", problem.KindTooLarge: "invalid", problem.KindUnsupportedMedia: "invalid",
	problem.KindMethodNotAllowed: "invalid", problem.KindUnauthenticated: "unauthenticated", problem.KindRefused: "refused",
	problem.KindNotFound: "notFound", problem.KindConflict: "conflict", problem.KindStale: "stale", problem.KindTooMany: "tooMany",
	problem.KindUnavailable: "unavailable",
}
