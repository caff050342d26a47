package message

import (
	"time"

	"medunion/ecc"
)

// DoctorCertificate is Cert_D, verified and parsed: what the medical authority
// says about a doctor.
type DoctorCertificate struct {
	Licence     string    // licence number, 1 to 64 bytes
	Name        string    // as printed on the licence, 1 to 256 bytes
	Departments []string  // department codes ID_DE in which the doctor may act
	Affiliation string    // an ID_HPC, or "" for none
	Suite       ecc.Suite // of KEMKey
	SigningKey  ecc.VerifyKey
	KEMKey      ecc.KEMPublicKey
	NotBefore   time.Time
	Expires     time.Time
}

// CertificateVerifier verifies Cert_D (an EdDSA JWT of up to 8192 bytes) against
// the pinned keys of the medical authority at the time now.
type CertificateVerifier func(cert []byte, now time.Time) (DoctorCertificate, error)
