package doctor

import (
	"slices"
	"sync"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// oneTime is the key under which the answer to one message comes, and the header
// of that message. It is dropped with the exchange.
type oneTime struct {
	redacted
	key    ecc.KEMPrivateKey
	header message.Header
}

// open decrypts the answer: of the wanted type, in the same exchange, the first in
// its direction, to the one-time key.
func (o oneTime) open(m message.Message, want message.Type, recipient message.ID) (ecc.Opened, error) {
	h := m.Header
	if h.Type != want || h.Session != o.header.Session || h.Suite != o.header.Suite || h.Seq != 1 {
		return ecc.Opened{}, problem.Refused(errHeader)
	}
	opened, err := message.Open(m, o.key, recipient)
	if err != nil {
		return ecc.Opened{}, problem.Refused(err)
	}
	return opened, nil
}

// Search is one question to the public cloud (M4, M5) and the ticket that answers
// it. It is safe for concurrent use. It prints as "[redacted]".
type Search struct {
	redacted
	v       *Visit
	mode    message.Mode
	con     message.CON
	consent message.Hash

	mu      sync.Mutex
	phase   searchPhase
	reply   oneTime
	request message.Hash // H(tbs_D2)
	ticket  message.Signed
	expires message.Millis
}

type searchPhase uint8

const (
	asked searchPhase = iota // M4 is made
	found                    // M5 is verified
	failed
)

// Found is a hospital to visit: it has an index entry that the patient's kv opens,
// and the consent grants something there.
type Found struct {
	Hospital    message.Credential
	Departments []message.Code // held under the locators searched, and granted
	Classes     []message.Code
	Withheld    Withheld
	First, Last message.Millis // dates of the oldest and newest item, 0 if unknown
}

// Withheld is what the hospital's entries name and the consent does not grant.
type Withheld struct {
	Departments []message.Code
	Classes     []message.Code
}

// Valid reports whether the search has a ticket with which sessions can begin now:
// so a hospital that was down is asked again without another use of the consent.
func (s *Search) Valid() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == found && s.v.d.now() < s.expires
}

// BeginSearch makes M4 (Eq. 25, 26) under the public cloud's signed prekey. Mode
// write asks for a ticket to write the diagnosis and counts as no use.
func (v *Visit) BeginSearch(mode message.Mode, prekey message.Signed) (*Search, message.Message, error) {
	con, consent, err := v.consented()
	if err != nil {
		return nil, message.Message{}, err
	}
	s := &Search{v: v, mode: mode, con: con, consent: consent}
	sealing, err := v.d.sealToCloud(v.self, message.TypeM4, prekey)
	if err != nil {
		return nil, message.Message{}, err
	}
	if s.reply.key, err = ecc.GenerateKEM(v.self.suite, v.d.cfg.Rand); err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	s.reply.header = sealing.Header()
	body := message.M4{Doctor: v.self.credential, Certificate: v.self.certificate, Department: con.Consent.Department,
		Consent: con.Consent, OpenC: con.OpenC, Authorizers: con.Authorizers, Mode: mode, PKe: s.reply.key.Public()}
	tbs := body.TBS(sealing.Header(), v.d.pins().CloudID)
	body.SigD2 = v.self.sign.Sign(tbs)     // Eq. 26
	m4, err := sealing.Seal(body.Encode()) // Eq. 25
	if err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	s.request = ecc.Sum(tbs)
	v.note("Sig_D2", v.self.c, tbs, body.SigD2)
	return s, m4, nil
}

// sealToCloud begins a message under the public cloud's prekey.
func (d *Doctor) sealToCloud(self *registered, t message.Type, prekey message.Signed) (*message.Sealing, error) {
	pins := d.pins()
	p, _, err := message.OpenCloudPrekey(prekey, pins, self.suite, d.now())
	if err != nil {
		return nil, problem.Refused(err)
	}
	h, err := message.NewHeader(d.cfg.Rand, self.suite, t, [16]byte{}, d.stamp())
	if err != nil {
		return nil, problem.Internal(err)
	}
	sealing, err := message.Begin(d.cfg.Rand, p.Key, pins.CloudID, h)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return sealing, nil
}

// ReceiveM5 opens the public cloud's answer (Eq. 31), verifies the ticket (Eq. 32)
// and every entry, and returns the hospitals to visit, sorted by ID, at most one
// for each. Entries of a hospital that the consent does not name, that no kv of
// the consent opens, or whose hospital's credential does not hold are left out.
func (s *Search) ReceiveM5(m5 message.Message) ([]Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != asked {
		return nil, order("M5 is not awaited")
	}
	body, ticket, err := s.openM5(m5)
	if err != nil {
		s.phase = failed
		return nil, err
	}
	hospitals, err := s.read(body.Entries)
	if err != nil {
		s.phase = failed
		return nil, err
	}
	s.phase, s.ticket, s.expires, s.reply = found, body.Ticket, ticket.Expires, oneTime{}
	s.v.note("Sig_C", ticket.Signer.Hash(), body.Ticket.TBS, body.Ticket.Signature)
	return hospitals, nil
}

func (s *Search) openM5(m5 message.Message) (message.M5, message.Ticket, error) {
	opened, err := s.reply.open(m5, message.TypeM5, s.v.self.id) // Eq. 31
	if err != nil {
		return message.M5{}, message.Ticket{}, err
	}
	body, err := message.DecodeM5(opened.Plaintext)
	if err != nil {
		return message.M5{}, message.Ticket{}, malformed(message.TypeM5, err)
	}
	t, err := message.OpenTicket(body.Ticket, s.v.d.pins(), s.v.self.c, s.consent) // Eq. 32
	if err != nil {
		return message.M5{}, message.Ticket{}, problem.Refused(err)
	}
	if t.Header != m5.Header || t.Request != s.request || t.Mode != s.mode ||
		t.Department != s.con.Consent.Department || t.Entries != ecc.Sum(message.EncodeEntries(body.Entries)) {
		return message.M5{}, message.Ticket{}, problem.Refused(errTicket)
	}
	return body, t, nil
}

// read turns entries into hospitals. An entry that was not asked for is the public
// cloud's fault and refuses the whole answer; one that does not verify is left out,
// since a hospital whose credential ran out must not stop the visit to the others.
func (s *Search) read(entries []message.Entry) ([]Found, error) {
	byID := map[message.ID]*Found{}
	admitted := map[message.Hash]bool{} // by c_HPC: each credential is verified once
	for _, e := range entries {
		auth, ok := locatorKey(s.con, e.Locator)
		if !ok {
			return nil, problem.Refused(errEntry)
		}
		grant, granted := s.con.OpenH.Grant(e.Hospital.Info.ID)
		if !granted {
			continue
		}
		c := e.Hospital.Hash()
		good, seen := admitted[c]
		if !seen {
			good = s.admit(e.Hospital) == nil
			admitted[c] = good
		}
		if !good || e.VerifySignature(auth.VK) != nil {
			continue
		}
		if content, ok := s.openEntry(e); ok {
			merge(byID, e.Hospital, content, grant)
		}
	}
	return sorted(byID), nil
}

// admit says whether a hospital's credential can be used in this visit.
func (s *Search) admit(c message.Credential) error {
	if err := c.Verify(s.v.d.pins(), message.Hospital, s.v.d.now()); err != nil {
		return problem.Refused(err)
	}
	if c.Info.Suite != s.v.self.suite {
		return problem.Refused(errSuite)
	}
	return s.v.d.unrevoked(c.Hash())
}

// openEntry tries the kv of each department at the entry's hospital. Only who was
// given kv by the patient can have made a value that opens.
func (s *Search) openEntry(e message.Entry) (message.IndexContent, bool) {
	for _, k := range s.con.IndexKeys {
		if k.Hospital != e.Hospital.Info.ID {
			continue
		}
		content, err := message.OpenIndex(k.Key, e.Locator, e.Hospital.Hash(), e.Value)
		if err == nil && content.Hospital == e.Hospital.Info.ID {
			return content, true
		}
	}
	return message.IndexContent{}, false
}

// merge adds one entry to what is known of its hospital; of two credentials of one
// hospital the later is the one to speak to.
func merge(byID map[message.ID]*Found, hospital message.Credential, c message.IndexContent, g message.Grant) {
	f := byID[c.Hospital]
	if f == nil {
		f = &Found{Hospital: hospital, First: c.First, Last: c.Last}
		byID[c.Hospital] = f
	}
	if hospital.Info.Epoch > f.Hospital.Info.Epoch {
		f.Hospital = hospital
	}
	f.Departments, f.Withheld.Departments = split(f.Departments, f.Withheld.Departments, c.Departments, g.Departments)
	f.Classes, f.Withheld.Classes = split(f.Classes, f.Withheld.Classes, c.Classes, g.Classes)
	f.First, f.Last = earlier(f.First, c.First), max(f.Last, c.Last)
}

// split adds those codes that are granted to held, the others to withheld.
func split(held, withheld, codes, granted []message.Code) (h, w []message.Code) {
	for _, c := range codes {
		if slices.Contains(granted, c) {
			held = append(held, c)
		} else {
			withheld = append(withheld, c)
		}
	}
	return message.SortCodes(held), message.SortCodes(withheld)
}

// earlier ignores 0, which means unknown.
func earlier(a, b message.Millis) message.Millis {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func sorted(byID map[message.ID]*Found) []Found {
	out := make([]Found, 0, len(byID))
	for _, f := range byID {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Found) int {
		if a.Hospital.Info.ID < b.Hospital.Info.ID {
			return -1
		}
		return 1
	})
	return out
}
