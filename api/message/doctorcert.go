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

// CertificateRequest is what a doctor asks the medical authority to certify. The
// sizes are those of DoctorCertificate.
type CertificateRequest struct {
	Authority   string // the issuer that is asked: no other may use the request
	Licence     string
	Name        string
	Departments []string
	Affiliation string
	Keys        PublicKeys
}

// TBS is ⟨certificate request: authority, licence, name, departments,
// affiliation, suite, PUK_D⟩, which the doctor signs with PRK_D: it proves that
// the signing key in it is hers.
func (q CertificateRequest) TBS() []byte {
	departments := make([][]byte, len(q.Departments))
	for i, d := range q.Departments {
		departments[i] = []byte(d)
	}
	return ecc.Encode(ecc.LabelCertificateRequest, []byte(q.Authority), []byte(q.Licence), []byte(q.Name),
		ecc.Encode(ecc.LabelList, departments...), []byte(q.Affiliation), []byte{byte(q.Keys.KEM.Suite())}, q.Keys.Encode())
}
