package doctor

import (
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Session returns the sid of the visit, by which its mailbox is found.
func (v *Visit) Session() [16]byte { return v.session }

// Patient returns Cred_P.
func (v *Visit) Patient() message.Credential { return v.patient }

// Expires is when SEK_1 ends: 30 minutes after M2.
func (v *Visit) Expires() time.Time { return v.expires.Time() }

// CON returns the patient's consent with its openings; a conflict before M3.
func (v *Visit) CON() (message.CON, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mustBeOpen(); err != nil {
		return message.CON{}, err
	}
	return v.con, nil
}

// Signals returns the content of M_SD, a FHIR Bundle, byte for byte as the patient
// sent it; a conflict before M3.
func (v *Visit) Signals() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mustBeOpen(); err != nil {
		return nil, err
	}
	return message.Unsalted(v.msd)
}

// Evidence returns what the doctor keeps of the visit so far.
func (v *Visit) Evidence() Evidence {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.evidence.clone()
}

// Close ends the visit and drops its keys and content; the evidence stays.
func (v *Visit) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.close()
}

func (v *Visit) close() {
	v.phase = closed
	v.in, v.out = ecc.Channel{}, ecc.Channel{}
	v.msd, v.con, v.done = nil, message.CON{}, nil
}

func (v *Visit) mustBeOpen() error {
	switch v.phase {
	case answered:
		return order("the patient's consent has not come yet")
	case closed:
		return order("the visit is closed")
	}
	return nil
}

// consented returns the consent of an open visit if its time is not over.
func (v *Visit) consented() (message.CON, message.Hash, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mustBeOpen(); err != nil {
		return message.CON{}, message.Hash{}, err
	}
	if err := v.con.Consent.CheckTime(v.d.now()); err != nil {
		return message.CON{}, message.Hash{}, problem.Refused(err)
	}
	return v.con, v.consent, nil
}

// received adds one whole release to the visit.
func (v *Visit) received(r Release, hospital message.Credential) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.emr = append(v.emr, r.Hash)
	v.evidence.Contents = append(v.evidence.Contents, r.salted...)
	v.evidence.hospital(hospital)
}

// note adds a signed statement to the evidence of the visit.
func (v *Visit) note(name string, signer message.Hash, tbs, signature []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.evidence.add(name, signer, tbs, signature)
}

// noteHospital adds the credential that vouches for a hospital's statements.
func (v *Visit) noteHospital(c message.Credential) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.evidence.hospital(c)
}

// locatorKey returns vk_L and σ_L of a locator of the consent.
func locatorKey(con message.CON, l message.Hash) (message.Authorizer, bool) {
	i := slices.Index(con.OpenC.Locators, l)
	if i < 0 {
		return message.Authorizer{}, false
	}
	return con.Authorizers[i], true
}
