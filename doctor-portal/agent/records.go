package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// hospital is one hospital of a visit's search. Its progress is guarded by the
// visit's lock.
type hospital struct {
	found    doctor.Found
	progress api.HospitalProgress
	asked    bool // the ticket is spent there
}

// fetchTimeout bounds a search with all its releases: a SEK_2 lives as long.
const fetchTimeout = doctor.SessionLife

// FetchRecords searches the index and fetches from all hospitals found, side by
// side, in the background; the visit shows the progress. Called again it asks
// those hospitals that failed, with the same ticket where that still opens a
// session; when none failed it searches anew.
func (a *Agent) FetchRecords(id string, f message.Filter) (api.Visit, error) {
	v, err := a.visit(id)
	if err != nil {
		return api.Visit{}, err
	}
	search, again, err := v.startSearch()
	if err != nil {
		return api.Visit{}, err
	}
	err = a.start(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		v.endSearch(a.fetch(ctx, v, search, again, f))
	})
	if err != nil {
		v.endSearch(err)
		return api.Visit{}, err
	}
	return v.view(), nil
}

// startSearch marks the search as running. It returns the ticket to go on with and
// the hospitals to ask again, or neither for a new search.
func (v *visit) startSearch() (*doctor.Search, []*hospital, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state != api.Open {
		return nil, nil, problem.Conflict("The visit is not open.")
	}
	if v.search != nil && v.search.State == api.SearchStateRunning {
		return nil, nil, problem.Conflict("A search is running.")
	}
	v.search = &api.Search{State: api.SearchStateRunning}
	var failed []*hospital
	for _, h := range v.hospitals {
		if h.progress.State == api.HospitalProgressStateFailed {
			failed = append(failed, h)
		}
	}
	spent := slices.ContainsFunc(failed, func(h *hospital) bool { return h.asked })
	if len(failed) == 0 || spent || v.ticket == nil || !v.ticket.Valid() {
		return nil, failed, nil
	}
	return v.ticket, failed, nil
}

func (v *visit) endSearch(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.search = &api.Search{State: api.SearchStateDone}
	if err != nil {
		v.search = &api.Search{State: api.SearchStateFailed, Reason: optional(words(err, "public cloud"))}
	}
}

// fetch searches unless a ticket is given, then asks the hospitals.
func (a *Agent) fetch(ctx context.Context, v *visit, ticket *doctor.Search, again []*hospital, f message.Filter) error {
	if ticket == nil {
		var found []doctor.Found
		err := a.again(func() (err error) {
			ticket, found, err = a.searchIndex(ctx, v, message.ModeRead)
			return err
		})
		if err != nil {
			return err
		}
		again = v.plan(ticket, found, again)
	}
	var all sync.WaitGroup
	for _, h := range again {
		all.Go(func() {
			if err := a.again(func() error { return a.fetchFrom(ctx, v, ticket, h, f) }); err != nil {
				v.fail(h, err)
				a.log.Warn("a hospital's records could not be fetched", "reason", problem.Reason(err))
			}
		})
	}
	all.Wait()
	return a.keepEvidence(v)
}

// searchIndex runs M4 and M5.
func (a *Agent) searchIndex(ctx context.Context, v *visit, mode message.Mode) (*doctor.Search, []doctor.Found, error) {
	prekey, err := a.link.prekey(ctx, "cloud", int(a.d.Suite()))
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	s, m4, err := v.role.BeginSearch(mode, prekey)
	if err != nil {
		return nil, nil, err
	}
	a.sent(m4, message.PublicCloud, began)
	began = time.Now()
	m5, err := a.link.exchange(ctx, a.link.client.RelaySearch, m4.Encode())
	if err != nil {
		return nil, nil, err
	}
	a.got(m5, message.PublicCloud, began)
	found, err := s.ReceiveM5(m5)
	return s, found, err
}

// plan sets up the progress of a new search. Hospitals whose records are here
// already are asked again only when none had failed.
func (v *visit) plan(ticket *doctor.Search, found []doctor.Found, failed []*hospital) []*hospital {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ticket = ticket
	var out, all []*hospital
	for _, f := range found {
		id := f.Hospital.Info.ID
		old := slices.IndexFunc(v.hospitals, func(h *hospital) bool { return h.found.Hospital.Info.ID == id })
		if old >= 0 && len(failed) > 0 && !slices.Contains(failed, v.hospitals[old]) {
			all = append(all, v.hospitals[old])
			continue
		}
		h := &hospital{found: f, progress: api.HospitalProgress{Hospital: string(id), State: api.HospitalProgressStateConnecting,
			Departments: codes(f.Departments), Classes: codes(f.Classes)}}
		out, all = append(out, h), append(all, h)
	}
	v.hospitals = all
	return out
}

// fetchFrom runs M6 to M9 with one hospital.
func (a *Agent) fetchFrom(ctx context.Context, v *visit, ticket *doctor.Search, h *hospital, f message.Filter) error {
	s, err := a.openSession(ctx, v, ticket, h.found.Hospital, func(state api.HospitalProgressState) { v.step(h, state) })
	if err != nil {
		return err
	}
	release, err := a.release(ctx, v, h, s, f)
	if err != nil {
		s.Close()
		return err
	}
	records, err := split(release)
	if err != nil {
		return err
	}
	v.take(h, release, records, s)
	return nil
}

// openSession runs M6 and M7 with a hospital. Where no answer came, nobody knows whether
// M6 did: the hospital is asked again under the same ticket, which costs the patient no use.
// If that was spent, because M7 was lost, it is refused, and the next search brings another.
func (a *Agent) openSession(ctx context.Context, v *visit, ticket *doctor.Search, cred message.Credential,
	step func(api.HospitalProgressState)) (*doctor.Session, error) {
	step(api.HospitalProgressStateConnecting)
	prekey, err := a.link.prekey(ctx, hexHash(cred.Hash()), int(a.d.Suite()))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	s, m6, err := ticket.BeginSession(cred, prekey)
	if err != nil {
		return nil, err
	}
	a.sent(m6, message.Hospital, began)
	began = time.Now()
	m7, err := a.link.exchange(ctx, a.link.session(string(cred.Info.ID)), m6.Encode())
	if err == nil || problem.KindOf(err) == problem.KindRefused {
		step(api.HospitalProgressStateVerifying)
	}
	if err != nil {
		return nil, err
	}
	a.got(m7, message.Hospital, began)
	return s, s.ReceiveM7(m7)
}

// release runs M8 and M9, in the same session once more if M8 is refused for its time.
func (a *Agent) release(ctx context.Context, v *visit, h *hospital, s *doctor.Session, f message.Filter) (out *doctor.Release, err error) {
	err = a.again(func() error {
		out, err = a.ask(ctx, v, h, s, f)
		return signAnew(s, err)
	})
	return out, err
}

// signAnew makes the session ready again after a refusal for the time of M8 or M11.
func signAnew(s *doctor.Session, err error) error {
	if problem.KindOf(err) != problem.KindStale {
		return err
	}
	if late := s.SignAnew(); late != nil {
		return late
	}
	return err
}

func (a *Agent) ask(ctx context.Context, v *visit, h *hospital, s *doctor.Session, f message.Filter) (*doctor.Release, error) {
	began := time.Now()
	m8, err := s.M8(f)
	if err != nil {
		return nil, err
	}
	a.sent(m8, message.Hospital, began)
	v.step(h, api.HospitalProgressStateReceiving)
	began = time.Now()
	var out *doctor.Release
	err = a.link.pages(ctx, string(h.found.Hospital.Info.ID), m8.Encode(), func(m9 message.Message) (bool, error) {
		a.got(m9, message.Hospital, began)
		p, r, err := s.ReceiveM9(m9)
		if err != nil {
			return false, err
		}
		v.page(h, p)
		out, began = r, time.Now()
		return r != nil, nil
	})
	return out, err
}

// split takes the resources out of the pages, without changing a byte.
func split(r *doctor.Release) ([]Record, error) {
	var out []Record
	for _, page := range r.Pages {
		entries, err := fhirbundle.Split(page)
		if err != nil {
			return nil, problem.Invalid("The hospital's record is not a FHIR collection.").Because(err)
		}
		for _, e := range entries {
			out = append(out, Record{Hospital: r.Hospital, FullURL: e.FullURL, Type: e.Type, ID: e.ID, Data: e.Resource})
		}
	}
	return out, nil
}

func (v *visit) step(h *hospital, state api.HospitalProgressState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h.progress.State, h.progress.Reason = state, nil
	h.asked = state == api.HospitalProgressStateVerifying || state == api.HospitalProgressStateReceiving
}

func (v *visit) page(h *hospital, p doctor.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	page, pages := int(p.Page), int(p.Pages)
	h.progress.Page, h.progress.Pages = &page, &pages
}

func (v *visit) fail(h *hospital, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h.progress.State, h.progress.Reason = api.HospitalProgressStateFailed, optional(words(err, "hospital"))
}

// take replaces what the visit has of a hospital, and keeps the session for M11.
func (v *visit) take(h *hospital, r *doctor.Release, records []Record, s *doctor.Session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state == api.Closed {
		s.Close()
		return
	}
	v.records = slices.DeleteFunc(v.records, func(x Record) bool { return x.Hospital == r.Hospital })
	v.records = append(v.records, records...)
	slices.SortStableFunc(v.records, func(a, b Record) int {
		if a.Hospital < b.Hospital {
			return -1
		}
		if a.Hospital > b.Hospital {
			return 1
		}
		return 0
	})
	v.sessions[r.Hospital] = s
	receipt := int64(r.Receipt)
	h.progress.State, h.progress.Resources, h.progress.Receipt = api.HospitalProgressStateVerified, len(records), &receipt
}

// words says in a sentence why something failed at a peer.
func words(err error, peer string) string {
	switch problem.KindOf(err) {
	case problem.KindUnavailable:
		return "The " + peer + " does not answer."
	case problem.KindStale:
		return "The clock here or at the " + peer + " is wrong."
	case problem.KindRefused:
		if remote(err) {
			return "The " + peer + " refused."
		}
		return "What came from the " + peer + " could not be verified."
	case problem.KindNotFound:
		return "The " + peer + " has no valid key in the directory, or is not in it."
	}
	return problem.From(err).Error()
}

// remote reports whether a peer answered with the problem, as opposed to our own
// checks. A peer's problem is wrapped where it is read.
func remote(err error) bool {
	var r *remoteError
	return errors.As(err, &r)
}
