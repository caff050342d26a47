package practice

import (
	"cmp"
	"context"
	"slices"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// Resource is one resource of a release, byte for byte as its hospital imported it.
type Resource struct {
	Hospital message.ID
	FullURL  string
	Type     string
	ID       string
	Data     []byte
}

// fetchFrom runs M6 to M9 with one hospital.
func (s *session) fetchFrom(ctx context.Context, v *visit, ticket *doctor.Search, h *hospital, f message.Filter) error {
	sek, err := s.openSession(ctx, ticket, h.found.Hospital, func(state HospitalState) { s.step(v, h, state) })
	if err != nil {
		return err
	}
	release, err := s.release(ctx, v, h, sek, f)
	if err != nil {
		sek.Close()
		return err
	}
	resources, err := split(release)
	if err != nil {
		sek.Close()
		s.update(v, func() { v.unreadable(release) })
		return err
	}
	s.takeRelease(v, h, release, resources, sek)
	return nil
}

// openSession runs M6 and M7 with a hospital. Where no answer came, nobody knows whether
// M6 did: the hospital is asked again under the same ticket, which costs the patient no use.
// If that was spent, because M7 was lost, it is refused, and the next search brings another.
func (s *session) openSession(ctx context.Context, ticket *doctor.Search, cred message.Credential,
	step func(HospitalState)) (*doctor.Session, error) {
	step(HospitalConnecting)
	prekey, err := s.link.prekey(ctx, hexHash(cred.Hash()), int(s.d.Suite()))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	sek, m6, err := ticket.BeginSession(cred, prekey)
	if err != nil {
		return nil, err
	}
	s.sent(m6, message.Hospital, began)
	began = time.Now()
	m7, err := s.link.exchange(ctx, hospitalPath(cred.Info.ID, "sessions"), m6)
	if err == nil || problem.KindOf(err) == problem.KindRefused {
		step(HospitalVerifying)
	}
	if err != nil {
		return nil, err
	}
	s.got(m7, message.Hospital, began)
	return sek, sek.ReceiveM7(m7)
}

// release runs M8 and M9, in the same session once more if M8 is refused for its time.
func (s *session) release(ctx context.Context, v *visit, h *hospital, sek *doctor.Session, f message.Filter) (out *doctor.Release, err error) {
	err = s.again(func() error {
		out, err = s.ask(ctx, v, h, sek, f)
		return signAnew(sek, err)
	})
	return out, err
}

// signAnew makes the session ready again after a refusal for the time of M8 or M11.
func signAnew(sek *doctor.Session, err error) error {
	if problem.KindOf(err) != problem.KindStale {
		return err
	}
	if late := sek.SignAnew(); late != nil {
		return late
	}
	return err
}

func (s *session) ask(ctx context.Context, v *visit, h *hospital, sek *doctor.Session, f message.Filter) (*doctor.Release, error) {
	began := time.Now()
	m8, err := sek.M8(f)
	if err != nil {
		return nil, err
	}
	s.sent(m8, message.Hospital, began)
	s.step(v, h, HospitalReceiving)
	began = time.Now()
	var out *doctor.Release
	err = s.link.pages(ctx, h.found.Hospital.Info.ID, m8, func(m9 message.Message) (bool, error) {
		s.got(m9, message.Hospital, began)
		p, r, err := sek.ReceiveM9(m9)
		if err != nil {
			return false, err
		}
		s.page(v, h, p)
		out, began = r, time.Now()
		return r != nil, nil
	})
	return out, err
}

// split takes the resources out of the pages, without changing a byte.
func split(r *doctor.Release) ([]Resource, error) {
	var out []Resource
	for _, page := range r.Pages {
		entries, err := fhirbundle.Split(page)
		if err != nil {
			return nil, problem.Invalid("The hospital's record is not a FHIR collection.").Because(err)
		}
		for _, e := range entries {
			out = append(out, Resource{Hospital: r.Hospital, FullURL: e.FullURL, Type: e.Type, ID: e.ID, Data: e.Resource})
		}
	}
	return out, nil
}

// unreadable notes a release that was verified and is no record: a diagnosis covers it as
// received, so its preview names it. The caller holds the visit's lock.
func (v *visit) unreadable(r *doctor.Release) {
	v.taken++
	v.unread = append(v.unread, Receipt{Hospital: string(r.Hospital), Receipt: int64(r.Receipt)})
}

// takeRelease replaces what the visit has of a hospital, and keeps the session for M11.
func (s *session) takeRelease(v *visit, h *hospital, r *doctor.Release, resources []Resource, sek *doctor.Session) {
	s.update(v, func() {
		if v.state == VisitClosed {
			sek.Close()
			return
		}
		v.records = slices.DeleteFunc(v.records, func(x Resource) bool { return x.Hospital == r.Hospital })
		v.records = append(v.records, resources...)
		slices.SortStableFunc(v.records, func(a, b Resource) int { return cmp.Compare(a.Hospital, b.Hospital) })
		v.sessions[r.Hospital] = sek
		v.taken++
		h.progress.State, h.progress.Resources = HospitalVerified, len(resources)
		h.progress.Receipt, h.progress.Signed = int64(r.Receipt), int64(r.Signed)
	})
}

// Resources returns the resources received so far, by hospital. Their bytes are shared:
// do not change them.
func (p *Practice) Resources(id string) ([]Resource, error) {
	_, v, err := p.visit(id)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.records), nil
}

// Records returns the resources received so far, of one hospital or, with "", of all,
// with their bytes end to end.
func (p *Practice) Records(id, hospital string) (Records, error) {
	all, err := p.Resources(id)
	if err != nil {
		return Records{}, err
	}
	out, size := Records{Records: []Record{}}, 0
	for _, r := range all {
		size += len(r.Data)
	}
	out.Data = make([]byte, 0, size)
	for i, r := range all {
		if hospital != "" && string(r.Hospital) != hospital {
			continue
		}
		out.Records = append(out.Records, Record{Number: i + 1, Hospital: string(r.Hospital), Type: r.Type, ID: r.ID, FullURL: r.FullURL,
			Offset: len(out.Data), Length: len(r.Data)})
		out.Data = append(out.Data, r.Data...)
	}
	return out, nil
}
