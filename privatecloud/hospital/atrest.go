package hospital

import (
	"io"

	"medunion/api/message"
	"medunion/ecc"
)

// atRest is what the hospital's own keys do at rest.
type atRest struct {
	lookup  message.Hash // keyed hashes: MRN, ID_P, codes, consents, tickets
	storage StorageKeys
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

// newDataKey draws a data key and wraps it.
func (k atRest) newDataKey(rand io.Reader, h Handle) (wrapped []byte, err error) {
	dek := make([]byte, ecc.AtRestKeySize)
	if _, err := io.ReadFull(rand, dek); err != nil {
		return nil, err
	}
	return k.seal(rand, useWrap, wrapPlace(h), dek)
}

func wrapPlace(h Handle) []byte { return ecc.Encode(ecc.LabelWrap, h[:]) }

func (k atRest) unwrap(p Patient) (dataKey, error) {
	dek, err := k.open(useWrap, wrapPlace(p.Handle), p.Wrapped)
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
