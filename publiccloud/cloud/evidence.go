package cloud

import (
	"encoding/binary"

	"medunion/api/message"
	"medunion/ecc"
)

// The public cloud keeps what it permitted and took, and on which grounds
// (section 17 of the protocol): it is durable, by the same write as the effect, before the
// answer leaves. It lies sealed, each piece bound to its place, since open_C
// names the locators of one patient together.

// The places that evidence is bound to.
func groundsPlace(consent message.Hash) []byte {
	return ecc.Encode(ecc.LabelGrounds, consent[:])
}

func searchPlace(consent message.Hash, operation [16]byte) []byte {
	return ecc.Encode(ecc.LabelEvidenceSearch, consent[:], operation[:])
}

func entryPlace(l, cH message.Hash, t message.Millis) []byte {
	return ecc.Encode(ecc.LabelEvidenceEntry, l[:], cH[:], binary.BigEndian.AppendUint64(nil, uint64(t)))
}

// keepSearch completes a use with its evidence. The grounds are those of every use
// of the consent; the store takes the first ones.
func (c *Cloud) keepSearch(s *search, m message.M4, ticket message.Signed) (err error) {
	g := message.Grounds{Doctor: m.Doctor, Certificate: m.Certificate, Consent: m.Consent, OpenC: m.OpenC, Authorizers: m.Authorizers}
	var under uint32
	if s.use.Grounds, under, err = c.seal(forEvidence, groundsPlace(s.use.Consent), g.Encode()); err != nil {
		return err
	}
	e := message.SearchEvidence{Request: message.Signed{TBS: s.tbs, Signature: m.SigD2}, Ticket: ticket}
	s.use.Evidence, s.use.Under, err = c.seal(forEvidence, searchPlace(s.use.Consent, s.use.Operation), e.Encode())
	s.use.Under = min(s.use.Under, under)
	return err
}

// entryEvidence is what is kept of an M12 beside the entry that it brought.
func (c *Cloud) entryEvidence(h message.Header, m message.M12, cH message.Hash, receipt message.Signed) ([]byte, uint32, error) {
	tbs := message.TBSD7(h, m.Doctor.Hash(), m.Entry, m.Consent.Hash(), m.PKe)
	e := message.EntryEvidence{Entry: m.Entry, Request: message.Signed{TBS: tbs, Signature: m.SigD7}, Receipt: receipt,
		Grounds: message.Grounds{Doctor: m.Doctor, Certificate: m.Certificate, Consent: m.Consent, OpenC: m.OpenC,
			Authorizers: []message.Authorizer{m.Authorizer}}}
	return c.seal(forEvidence, entryPlace(m.Entry.Locator, cH, m.Entry.Time), e.Encode())
}
