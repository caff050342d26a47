package doctor

import (
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Bounds on what one visit takes in.
const (
	MaxReleases = 64   // as many as Sig_D5 can name
	MaxPages    = 1024 // of one release: 2 GiB
)

// receiving is a release whose pages are coming in.
type receiving struct {
	redacted
	th          message.Hash // th2 advanced by this M8 and the pages before the next one
	pages, next uint32
	receipt     uint64
	hashes      []message.Hash
	salted      [][]byte
}

// Progress says how many pages of a release are here.
type Progress struct {
	Page, Pages uint32
}

// Done reports whether that was the last page.
func (p Progress) Done() bool { return p.Page == p.Pages }

// Release is M_EMR of one hospital, complete and signed. It prints as "[redacted]".
type Release struct {
	redacted
	Hospital message.ID
	Receipt  uint64         // the number of the release at the hospital
	Signed   message.Millis // the hospital's time in Sig_HPC2
	Hash     message.Hash   // H(M_EMR), as Sig_D5 names it
	Pages    [][]byte       // each a FHIR collection Bundle, byte for byte as released
	salted   [][]byte
}

// M8 asks the hospital for the record (Eq. 45). The filter narrows what the
// consent grants; its lists need no order.
func (h *Session) M8(f message.Filter) (message.Message, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != ready {
		return message.Message{}, order("the session is not ready for M8")
	}
	if _, ok := h.con.OpenH.Grant(h.hospital.Info.ID); !ok || h.mode != message.ModeRead {
		return message.Message{}, problem.Refused(errGrant)
	}
	if h.v.releases() >= MaxReleases {
		return message.Message{}, problem.Conflict("The visit has as many releases as a diagnosis can name.")
	}
	f.Departments, f.Classes = message.SortCodes(f.Departments), message.SortCodes(f.Classes)
	m8, err := h.send(message.TypeM8, message.M8{Authority: h.authority(), Filter: f}.Encode()) // Eq. 45
	if err != nil {
		return message.Message{}, err
	}
	h.phase, h.release = releasing, &receiving{th: message.Transcript(h.th2, m8), next: 1}
	return m8, nil
}

// ReceiveM9 opens the next page (Eq. 48). The release is nil until the last page
// has come and Sig_HPC2 over all of them holds: no page is handed out before. A page
// out of order, altered or of another release closes the session.
func (h *Session) ReceiveM9(m9 message.Message) (Progress, *Release, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.phase != releasing {
		return Progress{}, nil, order("no page is awaited")
	}
	p, r, err := h.page(m9)
	if err != nil {
		h.close()
		return Progress{}, nil, err
	}
	if r == nil {
		h.release.th = message.Transcript(h.release.th, m9)
		return p, nil, nil
	}
	h.phase, h.release = ready, nil
	h.v.received(*r, h.hospital)
	return p, r, nil
}

func (h *Session) page(m9 message.Message) (Progress, *Release, error) {
	b, err := h.receive(m9, message.TypeM9) // Eq. 48
	if err != nil {
		return Progress{}, nil, err
	}
	body, err := message.DecodeM9(b)
	if err != nil {
		return Progress{}, nil, malformed(message.TypeM9, err)
	}
	if err := h.release.add(body); err != nil {
		return Progress{}, nil, problem.Refused(err)
	}
	p := Progress{Page: body.Page, Pages: body.Pages}
	if !p.Done() {
		return p, nil, nil
	}
	r, err := h.complete(m9.Header, body)
	return p, r, err
}

// add takes page next of the number of pages that the first one promised.
func (r *receiving) add(m message.M9) error {
	if m.Page == 1 {
		r.pages, r.receipt = m.Pages, m.Receipt
	}
	if m.Page != r.next || m.Pages != r.pages || m.Receipt != r.receipt || m.Receipt == 0 || m.Pages > MaxPages {
		return errPage
	}
	r.next++
	r.hashes, r.salted = append(r.hashes, ecc.Sum(m.EMR)), append(r.salted, m.EMR)
	return nil
}

// complete verifies Sig_HPC2, whose transcript is the value before the last page.
func (h *Session) complete(hdr message.Header, m message.M9) (*Release, error) {
	tbs := message.TBSHPC2(hdr, h.release.th, h.v.self.c, h.cH, h.con.OpenH.Patient, h.consent, m.Receipt, h.release.hashes)
	if err := h.hospital.Info.Keys.Sign.Verify(tbs, m.SigHPC2); err != nil {
		return nil, problem.Refused(err)
	}
	r := &Release{Hospital: h.hospital.Info.ID, Receipt: m.Receipt, Signed: hdr.Time, Hash: message.EMRHash(h.release.hashes),
		salted: h.release.salted}
	for _, page := range h.release.salted {
		content, err := message.Unsalted(page)
		if err != nil {
			return nil, malformed(message.TypeM9, err)
		}
		r.Pages = append(r.Pages, content)
	}
	h.v.note("Sig_HPC2", h.cH, tbs, m.SigHPC2)
	return r, nil
}

func (v *Visit) releases() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.emr)
}
