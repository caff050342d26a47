package hospital

import (
	"io"

	"medunion/api/message"
	"medunion/ecc"
)

// atRest are the keys that derive from the storage key, one for each use.
type atRest struct {
	wrap     message.Hash // wraps the patients' data keys
	lookup   message.Hash // keyed hashes: MRN, ID_P, codes, consents, tickets
	head     message.Hash // tags the heads of records
	sessions message.Hash
	audit    message.Hash
	prekeys  message.Hash
	erasures message.Hash // seals what is still to be done about an erasure
}

func deriveKeys(storage [32]byte) atRest {
	derive := func(use string) message.Hash { return ecc.HMAC(storage[:], ecc.LabelAtRest, []byte(use)) }
	return atRest{wrap: derive("wrap"), lookup: derive("lookup"), head: derive("head"), sessions: derive("sessions"),
		audit: derive("audit"), prekeys: derive("prekeys"), erasures: derive("erasures")}
}

// index is the keyed hash under which a store finds something without knowing it.
func (k atRest) index(use string, fields ...[]byte) message.Hash {
	return ecc.HMAC(k.lookup[:], ecc.LabelHandle, append([][]byte{[]byte(use)}, fields...)...)
}

// The uses of index.
const (
	indexMRN       = "mrn"
	indexPatient   = "patient"
	indexDeskCode  = "desk code"
	indexTries     = "tries"
	indexConsent   = "consent"
	indexTicket    = "ticket"
	indexOperation = "operation"
	indexSession   = "session"
	indexRecord    = "record name"
)

// dataKey is a patient's DEK: it seals all that is kept about one patient, so that
// destroying its wrapped form erases the patient.
type dataKey struct {
	handle Handle
	aead   message.Hash
	lookup message.Hash // keyed hashes inside the record
}

// newDataKey draws a data key and wraps it under the key-encryption key.
func (k atRest) newDataKey(rand io.Reader, h Handle) (wrapped []byte, err error) {
	dek := make([]byte, ecc.AtRestKeySize)
	if _, err := io.ReadFull(rand, dek); err != nil {
		return nil, err
	}
	return ecc.SealAtRest(rand, k.wrap[:], ecc.Encode(ecc.LabelWrap, h[:]), dek)
}

func (k atRest) unwrap(p Patient) (dataKey, error) {
	dek, err := ecc.OpenAtRest(k.wrap[:], ecc.Encode(ecc.LabelWrap, p.Handle[:]), p.Wrapped)
	if err != nil {
		return dataKey{}, err
	}
	return dataKey{handle: p.Handle, aead: ecc.HMAC(dek, ecc.LabelAtRest, []byte("seal")),
		lookup: ecc.HMAC(dek, ecc.LabelAtRest, []byte("lookup"))}, nil
}

// seal binds a plaintext to its use and place among the patient's documents.
func (d dataKey) seal(rand io.Reader, use string, place []byte, pt []byte) ([]byte, error) {
	return ecc.SealAtRest(rand, d.aead[:], ecc.Encode(ecc.LabelAtRest, []byte(use), d.handle[:], place), pt)
}

func (d dataKey) open(use string, place []byte, c []byte) ([]byte, error) {
	return ecc.OpenAtRest(d.aead[:], ecc.Encode(ecc.LabelAtRest, []byte(use), d.handle[:], place), c)
}
