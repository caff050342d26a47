package practice

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// hospital is one hospital of a visit's search. Its progress is guarded by the
// visit's lock.
type hospital struct {
	found    doctor.Found
	progress HospitalProgress
	asked    bool // the ticket is spent there
}

// wants reports whether the next search asks this hospital again.
func (h *hospital) wants() bool {
	return h.progress.State == HospitalFailed || h.progress.State == HospitalCancelled
}

// fetchTimeout bounds a search with all its releases: a SEK_2 lives as long.
const fetchTimeout = doctor.SessionLife

// errCancelled is the cause of a search that the doctor cancelled, or whose visit ended.
var errCancelled = errors.New("practice: cancelled")

// Fetch searches the index and fetches from all hospitals found, side by side, in the
// background; the visit shows the progress. Called again it asks those hospitals that
// failed or were cancelled, with the same ticket where that still opens a session; when
// there are none it searches anew, which counts as a use of the consent. With a hospital
// in the filter it asks that one alone of those that failed, by the same rule.
func (p *Practice) Fetch(id string, f Filter) error {
	s, v, err := p.visit(id)
	if err != nil {
		return err
	}
	filter, err := f.message()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	ticket, again, err := v.startSearch(f.Hospital, cancel)
	if err != nil {
		cancel(nil)
		return err
	}
	s.changed(v)
	err = s.start(func(context.Context) {
		defer cancel(nil)
		ctx, stop := context.WithTimeout(ctx, fetchTimeout)
		defer stop()
		s.endSearch(ctx, v, s.fetch(ctx, v, ticket, again, filter))
	})
	if err != nil {
		s.endSearch(ctx, v, err)
		cancel(nil)
	}
	return err
}

// Cancel stops the running search: what is not here and verified yet is marked as
// cancelled. A ticket that a hospital has seen is spent, and a search that the public
// cloud has answered counts.
func (p *Practice) Cancel(id string) error {
	_, v, err := p.visit(id)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.search == nil || v.search.State != SearchRunning {
		return failed(problem.Conflict("No search is running."), "no-search")
	}
	v.cancel(errCancelled)
	return nil
}

func (f Filter) message() (message.Filter, error) {
	departments, err := codes(f.Departments)
	if err != nil {
		return message.Filter{}, err
	}
	classes, err := codes(f.Classes)
	if err != nil {
		return message.Filter{}, err
	}
	if f.Since < 0 || f.Until < 0 {
		return message.Filter{}, problem.Invalid("A time is not valid.")
	}
	return message.Filter{Departments: departments, Classes: classes, Since: message.Millis(f.Since), Until: message.Millis(f.Until)}, nil
}

// startSearch marks the search as running. It returns the ticket to go on with and
// the hospitals to ask again, all that failed or the one that is named; or neither for a
// new search.
func (v *visit) startSearch(only string, cancel context.CancelCauseFunc) (*doctor.Search, []*hospital, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state != VisitOpen {
		return nil, nil, failed(problem.Conflict("The visit is not open."), "not-open")
	}
	if v.search != nil && v.search.State == SearchRunning {
		return nil, nil, failed(problem.Conflict("A search is running."), "search-running")
	}
	var again []*hospital
	for _, h := range v.hospitals {
		if h.wants() && (only == "" || only == h.progress.Hospital) {
			again = append(again, h)
		}
	}
	if only != "" && len(again) == 0 {
		return nil, nil, failed(problem.Conflict("No hospital of this name has failed."), "not-failed")
	}
	v.search, v.cancel = &Search{State: SearchRunning}, cancel
	spent := slices.ContainsFunc(again, func(h *hospital) bool { return h.asked })
	if len(again) == 0 || spent || v.ticket == nil || !v.ticket.Valid() {
		v.search.Step = StepAsking
		return nil, again, nil
	}
	return v.ticket, again, nil
}

func (s *session) endSearch(ctx context.Context, v *visit, err error) {
	v.mu.Lock()
	v.search, v.cancel = &Search{State: SearchDone}, nil
	switch {
	case errors.Is(context.Cause(ctx), errCancelled):
		v.search = &Search{State: SearchCancelled}
	case err != nil:
		reason := because(err, peerCloud)
		v.search = &Search{State: SearchFailed, Reason: &reason}
	}
	v.mu.Unlock()
	s.changed(v)
}

// fetch searches unless a ticket is given, then asks the hospitals.
func (s *session) fetch(ctx context.Context, v *visit, ticket *doctor.Search, again []*hospital, f message.Filter) error {
	if ticket == nil {
		var found []doctor.Found
		err := s.again(func() (err error) {
			ticket, found, err = s.searchIndex(ctx, v, message.ModeRead)
			return err
		})
		if err != nil {
			return err
		}
		again = s.plan(v, ticket, found, again)
	}
	var all sync.WaitGroup
	for _, h := range again {
		all.Go(func() {
			if err := s.again(func() error { return s.fetchFrom(ctx, v, ticket, h, f) }); err != nil {
				s.fail(ctx, v, h, err)
			}
		})
	}
	all.Wait()
	return s.keepEvidence(v)
}

// searchIndex runs M4 and M5.
func (s *session) searchIndex(ctx context.Context, v *visit, mode message.Mode) (*doctor.Search, []doctor.Found, error) {
	prekey, err := s.cloudPrekey(ctx)
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	q, m4, err := v.role.BeginSearch(mode, prekey)
	if err != nil {
		return nil, nil, err
	}
	s.sent(m4, message.PublicCloud, began)
	began = time.Now()
	m5, err := s.link.exchange(ctx, pathSearch, m4)
	if err != nil {
		return nil, nil, err
	}
	s.got(m5, message.PublicCloud, began)
	found, err := q.ReceiveM5(m5)
	if err == nil && mode == message.ModeRead {
		v.count()
	}
	return q, found, err
}

// count counts a use of the consent.
func (v *visit) count() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.consent != nil {
		v.consent.Uses++
	}
}

// plan sets up the progress of a new search and returns the hospitals to ask. If it was
// begun to ask some again, all others that were known stay as they are: what failed among
// them goes on with the new ticket when its turn comes.
func (s *session) plan(v *visit, ticket *doctor.Search, found []doctor.Found, again []*hospital) []*hospital {
	var out, all []*hospital
	s.update(v, func() {
		v.ticket, v.search = ticket, &Search{State: SearchRunning}
		for _, f := range found {
			h := &hospital{found: f, progress: newProgress(f)}
			known := slices.IndexFunc(v.hospitals, func(h *hospital) bool { return h.found.Hospital.Info.ID == f.Hospital.Info.ID })
			all = append(all, h)
			if known < 0 {
				out = append(out, h)
				continue
			}
			before := v.hospitals[known]
			h.progress.Resources, h.progress.Receipt, h.progress.Signed = before.progress.Resources, before.progress.Receipt, before.progress.Signed
			if len(again) > 0 && !slices.Contains(again, before) {
				h.progress = before.progress
				continue
			}
			out = append(out, h)
		}
		v.hospitals = all
	})
	return out
}

func newProgress(f doctor.Found) HospitalProgress {
	return HospitalProgress{Hospital: string(f.Hospital.Info.ID), State: HospitalConnecting,
		Held:     Scope{texts(f.Departments), texts(f.Classes)},
		Withheld: Scope{texts(f.Withheld.Departments), texts(f.Withheld.Classes)}}
}

// step shows how far a hospital has come.
func (s *session) step(v *visit, h *hospital, state HospitalState) {
	s.update(v, func() {
		h.progress.State, h.progress.Reason = state, nil
		h.asked = state == HospitalVerifying || state == HospitalReceiving
	})
}

func (s *session) page(v *visit, h *hospital, p doctor.Progress) {
	s.update(v, func() { h.progress.Page, h.progress.Pages = int(p.Page), int(p.Pages) })
}

func (s *session) fail(ctx context.Context, v *visit, h *hospital, err error) {
	state, reason := HospitalFailed, because(err, peerHospital)
	if errors.Is(context.Cause(ctx), errCancelled) {
		state, reason = HospitalCancelled, reasonCancelled
	} else {
		s.p.cfg.Log.Warn("a hospital's records could not be fetched", "reason", problem.Reason(err))
	}
	s.update(v, func() { h.progress.State, h.progress.Reason = state, &reason })
}
