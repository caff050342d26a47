package ecc

// Label separates one use of a hash, a signature, a key derivation or an
// encoding from every other: it opens each ⟨L: f1..fn⟩. 1 to 255 bytes of ASCII.
type Label string

// Every label of the protocol, and nothing else, stands in this table. Two uses
// never share one, so that a value made for one purpose has no meaning in another.
const (
	// Registration, Eq. 2-10.
	LabelRegistration        Label = "reg"
	LabelRegistrationRequest Label = "reg request"
	LabelRegistrationReply   Label = "reg reply"
	LabelChallenge           Label = "reg challenge"
	LabelPossession          Label = "pop"
	LabelPossessionNonce     Label = "pop nonce"
	LabelInfo                Label = "info"
	LabelAuthorityKeys       Label = "authority keys"
	LabelPartialKey          Label = "e"
	LabelPartialKeyNonce     Label = "r"
	LabelScalar              Label = "scalar"
	LabelCredential          Label = "cred"
	LabelCredentialBody      Label = "credential"
	LabelPublicKeys          Label = "puk"
	LabelPatientAttribute    Label = "attr P"
	LabelCertificateRequest  Label = "certificate request"
	LabelBiometric           Label = "bio"

	// Headers, messages, transcripts.
	LabelHeader      Label = "hdr"
	LabelMessage     Label = "msg"
	LabelHPKEInfo    Label = "hpke"
	LabelKeyID       Label = "kid"
	LabelPeerID      Label = "kid c"
	LabelTranscript  Label = "th"
	LabelTranscript0 Label = "th0"
	LabelWindow      Label = "rw"

	// Session keys, Eq. 17, 22, 39, 44.
	LabelSEK1       Label = "SEK1"
	LabelSEK2       Label = "SEK2"
	LabelIKM        Label = "ikm"
	LabelConfirm    Label = "kc"
	LabelSessionKey Label = "key"
	LabelSessionIV  Label = "iv"

	// Signed statements, by the message that carries them.
	LabelSigP1        Label = "Sig_P1"
	LabelSigP2        Label = "Sig_P2"
	LabelSigD1        Label = "Sig_D1"
	LabelSigD2        Label = "Sig_D2"
	LabelSigD3        Label = "Sig_D3"
	LabelSigD5        Label = "Sig_D5"
	LabelSigD7        Label = "Sig_D7"
	LabelSigC         Label = "Sig_C"
	LabelSigHPC1      Label = "Sig_HPC1"
	LabelSigHPC2      Label = "Sig_HPC2"
	LabelSigHPC3      Label = "Sig_HPC3"
	LabelSigIndex     Label = "idx"
	LabelIndexWrite   Label = "index by"
	LabelReceipt      Label = "receipt"
	LabelEnrol        Label = "enrol"
	LabelEnrolled     Label = "enrolled"
	LabelAsk          Label = "ask"
	LabelAnswered     Label = "answered"
	LabelSigmaP       Label = "sigma_P"
	LabelSigmaL       Label = "sigma_L"
	LabelVerification Label = "uv"
	LabelPrekey       Label = "prekey"
	LabelRevocations  Label = "revocations"
	LabelParameters   Label = "params"
	LabelDirectory    Label = "directory"
	LabelSuccession   Label = "succession"
	LabelLogEntry     Label = "log"
	LabelSigned       Label = "signed"
	LabelPortalLogin  Label = "portal login"

	LabelSuccessionSigned Label = "succession signed"
	LabelRenewal          Label = "renewal"
	LabelRenew            Label = "renew"

	// Consent, locators, index.
	LabelConsent      Label = "consent"
	LabelOpenC        Label = "open_C"
	LabelOpenH        Label = "open_H"
	LabelGrant        Label = "grant"
	LabelAssertion    Label = "assertion"
	LabelWebAuthn     Label = "webauthn"
	LabelLocator      Label = "L"
	LabelLocatorKey   Label = "sk"
	LabelIndexKey     Label = "kv"
	LabelIndexValue   Label = "v"
	LabelIndexEntry   Label = "entry"
	LabelLocators     Label = "L*"
	LabelAuthorizers  Label = "vk*"
	LabelIndexKeys    Label = "kv*"
	LabelEntries      Label = "entries"
	LabelTicket       Label = "ticket"
	LabelEnrolList    Label = "enrol list"
	LabelEnrolLocator Label = "enrol L"
	LabelIndexContent Label = "content"
	LabelList         Label = "list"
	LabelHashes       Label = "hashes"
	LabelAuthority    Label = "authority"
	LabelClassRule    Label = "class rule"
	LabelRelease      Label = "release"
	LabelWritten      Label = "written diagnosis"
	LabelUse          Label = "use"
	LabelQuestion     Label = "question kind"
	LabelAskHospital  Label = "question P"
	LabelAskCloud     Label = "question L"

	// Message bodies: what is sealed in each message.
	LabelBodyM1       Label = "M1"
	LabelBodyM2       Label = "M2"
	LabelBodyM3       Label = "M3"
	LabelBodyM4       Label = "M4"
	LabelBodyM5       Label = "M5"
	LabelBodyM6       Label = "M6"
	LabelBodyM7       Label = "M7"
	LabelBodyM8       Label = "M8"
	LabelBodyM9       Label = "M9"
	LabelBodyM10      Label = "M10"
	LabelBodyM11      Label = "M11"
	LabelBodyStored   Label = "M11 reply"
	LabelBodyM12      Label = "M12"
	LabelBodyIndexed  Label = "M12 reply"
	LabelBodyEnrol    Label = "enrolment"
	LabelBodyEnrolled Label = "enrolment reply"
	LabelBodyIndex    Label = "index write"
	LabelBodyAnswer   Label = "answer"
	LabelFilter       Label = "filter"
	LabelSalted       Label = "M"
	LabelEMR          Label = "M_EMR"
	LabelCON          Label = "CON"

	// At rest and administrative derivations.
	LabelAtRest    Label = "at rest"
	LabelWrap      Label = "wrap"
	LabelHandle    Label = "handle"
	LabelRecord    Label = "record"
	LabelAudit     Label = "audit"
	LabelOperation Label = "operation"
	LabelDeskCode  Label = "desk code"
	LabelErasure   Label = "erasure"
	LabelErasing   Label = "erasing"
	LabelBackup    Label = "backup"

	// The doctor's own store: her identity, her prekeys, the evidence of a visit.
	LabelDoctorIdentity Label = "doctor identity"
	LabelDoctorPrekey   Label = "doctor prekey"
	LabelDoctorStore    Label = "doctor store"
	LabelStoreOpener    Label = "doctor store opener"
	LabelStorePins      Label = "doctor store pins"
	LabelDoctorExport   Label = "doctor export"
	LabelPatientStore   Label = "patient store"
	LabelPatientFile    Label = "patient file"
	LabelPatientHeader  Label = "patient header"
	LabelPatientOpener  Label = "patient opener"
	LabelPasskeyOpener  Label = "passkey opener"
	LabelEvidence       Label = "evidence"
	LabelStatement      Label = "statement"

	// What the public cloud and hospitals keep as evidence.
	LabelGrounds        Label = "grounds"
	LabelEvidenceSearch Label = "evidence search"
	LabelEvidenceEntry  Label = "evidence entry"
	LabelEvidenceAccess Label = "evidence access"
	LabelEvidenceWrite  Label = "evidence write"

	// Hedging of the registrar's nonce; uses of one passphrase.
	LabelPartialKeyHedge Label = "r hedge"
	LabelVault           Label = "vault"
	LabelCloudKeys       Label = "cloud keys"
	LabelHospitalKeys    Label = "hospital keys"
	LabelPassphraseSeed  Label = "passphrase seed"

	// Key files: the ring of a service's keys, its parts, the file around it, and what was
	// sealed under a numbered version of a key.
	LabelKeyRing      Label = "key ring"
	LabelRingField    Label = "key ring field"
	LabelRingKey      Label = "key ring key"
	LabelRingVersion  Label = "key ring version"
	LabelRingSum      Label = "key ring sum"
	LabelKeyEnvelope  Label = "key envelope"
	LabelEnvelopeBind Label = "key envelope of"
	LabelVersioned    Label = "at rest under"
)

// The two strings of the protocol that are handed to a standard's own
// domain separation and are therefore no Label.
const (
	// ScalarDST is the domain separation tag of HashToScalar (RFC 9380, section 3.1).
	ScalarDST = "EMR-AUTH-V1-ristretto255_XMD:SHA-512-partialkey"
	// ExporterContext names the HPKE export x_i that enters the session key (RFC 9180, section 5.3).
	ExporterContext = "emr/x"
)
