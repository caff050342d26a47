package message_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// kept is one honest piece of each kind of evidence.
type kept struct {
	grounds  message.Grounds
	search   message.SearchEvidence
	entry    message.EntryEvidence
	access   message.AccessEvidence
	released message.Signed
	write    message.WriteEvidence
}

func (w *world) reply(t message.Type, session [16]byte) message.Header {
	return must(message.NewHeader(w.rand, w.suite, t, session, now))
}

func (w *world) kept() kept {
	con := w.consent()
	k := kept{grounds: message.Grounds{Doctor: w.doctor.cred, Certificate: certD, Consent: con.Consent, OpenC: con.OpenC, Authorizers: con.Authorizers}}
	pke := must(ecc.GenerateKEM(w.suite, w.rand)).Public()
	cD, cH, consent := w.doctor.cred.Hash(), w.hospital.cred.Hash(), con.Consent.Hash()

	h4 := w.header(message.TypeM4)
	d2 := message.TBSD2(h4, w.pins.CloudID, cD, "OUTPATIENT", consent, con.OpenC.HashLocators(), message.ModeRead, pke)
	ticket := message.Ticket{Header: w.reply(message.TypeM5, h4.Session), Request: ecc.Sum(d2), Doctor: cD, Department: "OUTPATIENT",
		Consent: consent, Mode: message.ModeRead, Issued: now, Expires: now.Add(5 * time.Minute)}
	k.search = message.SearchEvidence{Request: message.Sign(w.doctor.sign, d2), Ticket: message.Sign(w.cloud, ticket.Encode())}

	k.entry.Entry, _ = w.entry()
	k.entry.Grounds = k.grounds
	for i, l := range con.OpenC.Locators {
		if l == k.entry.Entry.Locator {
			k.entry.Grounds.Authorizers = con.Authorizers[i : i+1]
		}
	}
	h12 := w.header(message.TypeM12)
	k.entry.Request = message.Sign(w.doctor.sign, message.TBSD7(h12, cD, k.entry.Entry, consent, pke))
	k.entry.Receipt = message.Sign(w.cloud, message.TBSIndexed(w.reply(message.TypeIndexed, h12.Session), k.entry.Entry.Locator, k.entry.Entry.Value, now))

	h6 := w.header(message.TypeM6)
	a := message.Authority{PatientID: w.patient.cred.Info.ID, Patient: w.patient.cred, Consent: con.Consent, OpenH: con.OpenH,
		SigmaP: con.SigmaP, Assertion: con.Assertion, Ticket: k.search.Ticket}
	d3 := message.TBSD3(h6, cH, cD, w.doctor.cred.R, pke, consent, message.TicketHash(a.Ticket), w.pins.First.PK)
	k.access = message.AccessEvidence{Hospital: w.hospital.cred, Doctor: w.doctor.cred, Certificate: certD, Request: message.Sign(w.doctor.sign, d3), Authority: a}
	k.released = message.Sign(w.hospital.sign, message.TBSHPC2(w.reply(message.TypeM9, h6.Session), message.Hash{1}, cD, cH, a.PatientID, consent, 7, []message.Hash{{5}, {4}}))

	diagnosis := must(message.Salted(w.rand, []byte("{}")))
	d5 := message.D5{Patient: a.PatientID, Doctor: cD, Consent: consent, EMR: []message.Hash{{6}}, Diagnosis: ecc.Sum(diagnosis), Time: now}
	k.write.SigD5 = message.Sign(w.doctor.sign, d5.Encode())
	k.write.SigHPC3 = message.Sign(w.hospital.sign, message.TBSHPC3(w.reply(message.TypeStored, h6.Session), cD, cH, 12, diagnosis, k.write.SigD5, now))
	return k
}

// verifier is the medical authority's, which has certified one doctor.
func (w *world) verifier() message.CertificateVerifier {
	return func(cert []byte, _ time.Time) (message.DoctorCertificate, error) {
		if !bytes.Equal(cert, certD) {
			return message.DoctorCertificate{}, errors.New("unknown certificate")
		}
		return w.certificate(), nil
	}
}

// checks verifies each piece from its stored bytes.
func (w *world) checks(k kept) map[string]struct {
	stored []byte
	verify func([]byte) error
} {
	v := w.verifier()
	return map[string]struct {
		stored []byte
		verify func([]byte) error
	}{
		"grounds": {k.grounds.Encode(), func(b []byte) error {
			g, err := message.DecodeGrounds(b)
			return errors.Join(err, k.search.Verify(w.pins, v, g))
		}},
		"search": {k.search.Encode(), func(b []byte) error {
			e, err := message.DecodeSearchEvidence(b)
			return errors.Join(err, e.Verify(w.pins, v, k.grounds))
		}},
		"entry": {k.entry.Encode(), func(b []byte) error {
			e, err := message.DecodeEntryEvidence(b)
			if err != nil {
				return err
			}
			return e.Verify(w.pins, v)
		}},
		"access": {k.access.Encode(), func(b []byte) error {
			e, err := message.DecodeAccessEvidence(b)
			if err != nil {
				return err
			}
			return e.Verify(w.pins, v)
		}},
		"released": {k.released.Encode(), func(b []byte) error {
			s, err := message.DecodeSigned(b)
			_, wrong := k.access.VerifyRelease(w.pins, v, 7, s)
			return errors.Join(err, wrong)
		}},
		"write": {k.write.Encode(), func(b []byte) error {
			e, err := message.DecodeWriteEvidence(b)
			_, wrong := k.access.VerifyWrite(w.pins, v, e)
			return errors.Join(err, wrong)
		}},
	}
}

func TestEvidenceVerifiesOffline(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		w := newWorld(t, suite)
		k := w.kept()
		for name, c := range w.checks(k) {
			if err := c.verify(c.stored); err != nil {
				t.Errorf("%v %s: %v", suite, name, err)
			}
		}
		if pages, err := k.access.VerifyRelease(w.pins, w.verifier(), 7, k.released); err != nil || len(pages) != 2 || pages[0] != (message.Hash{5}) {
			t.Errorf("pages %v, %v", pages, err)
		}
		if _, err := k.access.VerifyRelease(w.pins, w.verifier(), 8, k.released); err == nil {
			t.Error("a release under another number verifies")
		}
	}
}

// Attack 17: one changed byte anywhere, and the evidence does not hold.
func TestAttack17_EvidenceWithAnyByteChanged(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	for name, c := range w.checks(w.kept()) {
		for i := range c.stored {
			b := bytes.Clone(c.stored)
			b[i] ^= 1
			if c.verify(b) == nil {
				t.Errorf("%s: byte %d of %d may be changed", name, i, len(b))
			}
		}
	}
}

// Honest pieces that do not belong together prove nothing.
func TestEvidencePiecesOfOthersDoNotHold(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	k, v := w.kept(), w.verifier()
	other := w.kept() // the same parties, another visit
	mixed := message.SearchEvidence{Request: k.search.Request, Ticket: other.search.Ticket}
	entry := k.entry
	entry.Receipt = other.entry.Receipt
	access := k.access
	access.Authority.Ticket = other.access.Authority.Ticket
	_, released := k.access.VerifyRelease(w.pins, v, 7, other.released)
	_, written := k.access.VerifyWrite(w.pins, v, message.WriteEvidence{SigD5: k.write.SigD5, SigHPC3: other.write.SigHPC3})
	someone := w.pins
	someone.First.PUKC = w.doctor.sign.Public()
	for name, err := range map[string]error{
		"ticket for another request": mixed.Verify(w.pins, v, k.grounds), "receipt for another request": entry.Verify(w.pins, v),
		"ticket for another session": access.Verify(w.pins, v), "release of another session": released, "diagnosis of another session": written,
		"foreign PUK_C": k.search.Verify(someone, v, k.grounds), "foreign PUK_C at a hospital": k.access.Verify(someone, v),
	} {
		if err == nil {
			t.Errorf("%s: verifies", name)
		}
	}
}
