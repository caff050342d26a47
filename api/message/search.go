package message

import (
	"fmt"
	"time"

	"medunion/ecc"
)

// Mode says what a search is for.
type Mode uint8

// The modes of M4. A search in mode write renews a ticket for M11 and does not
// count as a use.
const (
	ModeRead  Mode = 1
	ModeWrite Mode = 2
)

func (r *reader) mode() Mode {
	m := Mode(r.u8())
	if m != ModeRead && m != ModeWrite {
		r.fail()
	}
	return m
}

// M4 is what the doctor seals for the public cloud (Eq. 25).
type M4 struct {
	Doctor      Credential
	Certificate []byte // Cert_D
	Department  Code   // ID_DE, the consent's
	Consent     Consent
	OpenC       OpenC
	Authorizers []Authorizer // in the order of L*
	Mode        Mode
	PKe         ecc.KEMPublicKey // pk_e4
	SigD2       []byte           // Eq. 26
}

// TBSD2 is ⟨Sig_D2: hdr, ID_PC, c_D, ID_DE, H(Consent), H(L*), mode, pk_e4⟩ (Eq. 26).
func TBSD2(h Header, cloud ID, cD Hash, department Code, consent, locators Hash, mode Mode, pke ecc.KEMPublicKey) []byte {
	return ecc.Encode(ecc.LabelSigD2, h.Encode(), []byte(cloud), cD[:], []byte(department), consent[:], locators[:],
		u8(uint8(mode)), pke.Bytes())
}

// Encode returns the canonical bytes.
func (m M4) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM4, m.Doctor.Encode(), m.Certificate, []byte(m.Department), m.Consent.Encode(),
		m.OpenC.Encode(), encodeEach(ecc.LabelList, m.Authorizers), u8(uint8(m.Mode)), m.PKe.Bytes(), m.SigD2)
}

// DecodeM4 is the inverse of Encode for a message of suite s.
func DecodeM4(s ecc.Suite, b []byte) (M4, error) {
	r := read(ecc.LabelBodyM4, b, 9)
	m := M4{Doctor: r.credential(), Certificate: r.bytes(1, maxCert), Department: r.code(), Consent: r.consent()}
	m.OpenC = r.openC()
	m.Authorizers = decodeEach(r, ecc.LabelList, maxLocators, decodeAuthorizer)
	m.Mode, m.PKe, m.SigD2 = r.mode(), r.kemKey(s), r.signature()
	return m, r.done()
}

func (r *reader) openC() OpenC {
	o, err := DecodeOpenC(r.take())
	if err != nil {
		r.fail()
	}
	return o
}

// TBS rebuilds what Sig_D2 signs for a message with this header.
func (m M4) TBS(h Header, cloud ID) []byte {
	return TBSD2(h, cloud, m.Doctor.Hash(), m.Department, m.Consent.Hash(), m.OpenC.HashLocators(), m.Mode, m.PKe)
}

// M5 is the public cloud's answer under pk_e4 (Eq. 29).
type M5 struct {
	Entries []Entry // up to 4096
	Ticket  Signed  // Sig_C (Eq. 30) over a Ticket
}

const maxEntries = 4096

// Encode returns the canonical bytes.
func (m M5) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM5, EncodeEntries(m.Entries), m.Ticket.Encode())
}

// EncodeEntries is the list whose hash the ticket signs as H(entries).
func EncodeEntries(e []Entry) []byte { return encodeEach(ecc.LabelEntries, e) }

// DecodeM5 is the inverse of Encode.
func DecodeM5(b []byte) (M5, error) {
	r := read(ecc.LabelBodyM5, b, 2)
	m := M5{Entries: decodeEach(r, ecc.LabelEntries, maxEntries, DecodeEntry), Ticket: r.signed()}
	return m, r.done()
}

// Ticket is the public cloud's permission (Eq. 30): ⟨Sig_C: hdr, H(tbs_D2), c_D,
// ID_DE, H(Consent), mode, H(entries), T_C, expiry⟩.
type Ticket struct {
	Header     Header // of the M5 that carries it
	Request    Hash   // H(tbs_D2)
	Doctor     Hash   // c_D
	Department Code
	Consent    Hash
	Mode       Mode
	Entries    Hash
	Issued     Millis // T_C
	Expires    Millis // T_C + 5 min

	Signer Root // whose PRK_C signed it: set by OpenTicket, no part of the encoding
}

// Encode returns the canonical bytes: what PRK_C signs.
func (t Ticket) Encode() []byte {
	return ecc.Encode(ecc.LabelSigC, t.Header.Encode(), t.Request[:], t.Doctor[:], []byte(t.Department), t.Consent[:],
		u8(uint8(t.Mode)), t.Entries[:], u64(uint64(t.Issued)), u64(uint64(t.Expires)))
}

// DecodeTicket is the inverse of Encode.
func DecodeTicket(b []byte) (Ticket, error) {
	r := read(ecc.LabelSigC, b, 9)
	h, err := DecodeHeader(r.take())
	if err != nil {
		r.fail()
	}
	t := Ticket{Header: h, Request: r.hash(), Doctor: r.hash(), Department: r.code(), Consent: r.hash(),
		Mode: r.mode(), Entries: r.hash(), Issued: r.millis(), Expires: r.millis()}
	return t, r.done()
}

// TicketHash is H(Ticket), over statement and signature.
func TicketHash(s Signed) Hash { return ecc.Sum(s.Encode()) }

// TicketLife is how long a ticket may live: with it ends what a root that has ended signed last.
const TicketLife = 5 * time.Minute

// OpenTicket verifies Sig_C (Eq. 32) under a root that was good when the ticket was
// issued, and that the ticket is for this doctor and consent. Expiry is the caller's to check, at the moment that the protocol names.
func OpenTicket(s Signed, p Pins, doctor, consent Hash) (Ticket, error) {
	t, err := DecodeTicket(s.TBS)
	if err != nil {
		return Ticket{}, err
	}
	if t.Signer, err = p.Verify(s.TBS, s.Signature, t.Issued); err != nil {
		return Ticket{}, fmt.Errorf("%w: ticket signature", ErrConsent)
	}
	if t.Expires > t.Issued.Add(TicketLife) {
		return Ticket{}, fmt.Errorf("%w: ticket of a life too long", ErrConsent)
	}
	if t.Doctor != doctor || t.Consent != consent {
		return Ticket{}, fmt.Errorf("%w: ticket for another doctor or consent", ErrConsent)
	}
	return t, nil
}

// M6 is what the doctor seals for a hospital (Eq. 34).
type M6 struct {
	Doctor      Credential
	Certificate []byte
	R           ecc.Point        // R_D3 = r7 P (Eq. 33)
	PKe         ecc.KEMPublicKey // pk_e6
	Consent     Hash             // H(Consent)
	Ticket      Hash             // H(Ticket)
	SigD3       []byte           // Eq. 35
}

// TBSD3 is ⟨Sig_D3: hdr, c_HPC, c_D, R_D3, pk_e6, H(Consent), H(Ticket), PK⟩ (Eq. 35).
func TBSD3(h Header, cH, cD Hash, r ecc.Point, pke ecc.KEMPublicKey, consent, ticket Hash, pk ecc.Point) []byte {
	return ecc.Encode(ecc.LabelSigD3, h.Encode(), cH[:], cD[:], r.Bytes(), pke.Bytes(), consent[:], ticket[:], pk.Bytes())
}

// Encode returns the canonical bytes.
func (m M6) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM6, m.Doctor.Encode(), m.Certificate, m.R.Bytes(), m.PKe.Bytes(),
		m.Consent[:], m.Ticket[:], m.SigD3)
}

// DecodeM6 is the inverse of Encode for a message of suite s.
func DecodeM6(s ecc.Suite, b []byte) (M6, error) {
	r := read(ecc.LabelBodyM6, b, 7)
	m := M6{Doctor: r.credential(), Certificate: r.bytes(1, maxCert), R: r.point(), PKe: r.kemKey(s),
		Consent: r.hash(), Ticket: r.hash(), SigD3: r.signature()}
	return m, r.done()
}

// M7 is the hospital's answer under pk_e6 (Eq. 40).
type M7 struct {
	Hospital Credential
	R        ecc.Point // R_HPC2 = r8 P (Eq. 38)
	Confirm  Hash      // kc_H: answers "SEK_2 =?" of Eq. 44
	SigHPC1  []byte    // Eq. 41
}

// TBSHPC1 is ⟨Sig_HPC1: hdr, th, c_HPC, c_D, R_D3, R_HPC2, PK⟩ (Eq. 41).
func TBSHPC1(h Header, th, cH, cD Hash, rD, rH, pk ecc.Point) []byte {
	return ecc.Encode(ecc.LabelSigHPC1, h.Encode(), th[:], cH[:], cD[:], rD.Bytes(), rH.Bytes(), pk.Bytes())
}

// Encode returns the canonical bytes.
func (m M7) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM7, m.Hospital.Encode(), m.R.Bytes(), m.Confirm[:], m.SigHPC1)
}

// DecodeM7 is the inverse of Encode.
func DecodeM7(b []byte) (M7, error) {
	r := read(ecc.LabelBodyM7, b, 4)
	m := M7{Hospital: r.credential(), R: r.point(), Confirm: r.hash(), SigHPC1: r.signature()}
	return m, r.done()
}
