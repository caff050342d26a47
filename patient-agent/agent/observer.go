package agent

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// How often the observer looks whether there is something to ask, and how long it waits
// between two questions about one visit: a little at first, then longer and longer.
const (
	observeEvery = 2 * time.Second
	firstAsk     = 4 * time.Second
	longestAsk   = time.Minute      // while a doctor is at work
	longestLook  = 15 * time.Minute // for a diagnosis that a visit has lost
	// lateDiagnosis is how long after a visit a hospital is asked for its diagnosis.
	lateDiagnosis = 24 * time.Hour
)

// Activity is something done under the consent of a visit, as far as it is known.
type Activity struct {
	Code      string // searched, released or written
	Time      time.Time
	Hospital  message.ID // of a release, and of what was written
	Resources uint32
	Classes   []message.Code
}

const (
	actSearched = "searched"
	actReleased = "released"
	actWritten  = "written"
)

// activities are what the hospitals have told of each consent.
func activities(c keystore.Content) map[message.Hash][]Activity {
	out := map[message.Hash][]Activity{}
	for _, h := range c.Hospitals {
		list, err := message.DecodeReleases(h.Releases)
		if err != nil {
			continue // cannot be: it was encoded here
		}
		for _, r := range list {
			code := actReleased
			if written(r) {
				code = actWritten
			}
			out[r.Consent] = append(out[r.Consent], Activity{Code: code, Time: r.Time.Time(), Hospital: h.Hospital, Resources: r.Resources, Classes: r.Classes})
		}
	}
	return out
}

// activity is what is known of a visit's consent, in the order of time. A search for
// where to write is left out: that something was written, the hospital tells.
func activity(v keystore.Visit, told map[message.Hash][]Activity) []Activity {
	out := []Activity{}
	if v.Consent == nil {
		return out
	}
	for _, u := range v.Uses {
		if !u.Write {
			out = append(out, Activity{Code: actSearched, Time: u.Time.Time()})
		}
	}
	out = append(out, told[*v.Consent]...)
	slices.SortStableFunc(out, func(x, y Activity) int { return x.Time.Compare(y.Time) })
	return out
}

// progress words what has been done so far.
func progress(done []Activity) string {
	if slices.ContainsFunc(done, func(a Activity) bool { return a.Code == actReleased }) {
		return codeReading
	}
	return codeSearched
}

// observer asks what became of the consents that were shared, while somebody watches
// and as seldom as that allows: each question is a line in a cloud's books.
type observer struct {
	a    *Agent
	o    *opened
	next map[string]time.Time // by visit
	wait map[string]time.Duration
}

func (a *Agent) observe(o *opened) {
	w := observer{a: a, o: o, next: map[string]time.Time{}, wait: map[string]time.Duration{}}
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for {
		select {
		case <-o.ctx.Done():
			return
		case <-tick.C:
		}
		if o.role().Registered() && a.changes.watched() {
			w.look()
		}
	}
}

// look asks about the visits whose time has come.
func (w *observer) look() {
	for _, v := range w.open() {
		now := w.a.cfg.Now()
		if now.Before(w.next[v.ID]) {
			continue
		}
		longest := longestAsk
		if v.State == Failed {
			longest = longestLook
		}
		wait := min(cmp.Or(w.wait[v.ID], firstAsk), longest)
		w.wait[v.ID], w.next[v.ID] = wait*3/2, now.Add(wait)
		if err := w.ask(v); err != nil && w.o.ctx.Err() == nil {
			w.a.cfg.Logger.LogAttrs(w.o.ctx, slog.LevelInfo, "not asked how a visit goes on", slog.String("reason", problem.Reason(err)))
		}
	}
}

// open are the visits about which something may be new: those that wait for a
// diagnosis, and those that lost it.
func (w *observer) open() (out []keystore.Visit) {
	_ = w.o.store.View(func(c keystore.Content) error { // a store that was closed has none
		for _, v := range c.Visits {
			lost := v.State == Failed && v.Consent != nil && v.Diagnosis == nil
			if v.State == Shared || lost && w.a.cfg.Now().Sub(v.Started) < lateDiagnosis {
				out = append(out, v)
			}
		}
		return nil
	})
	return out
}

// ask asks the public cloud for searches, and, once there is one, the hospitals of the
// consent for their releases; the hospital that may write, for the diagnosis of a visit
// that lost it.
func (w *observer) ask(v keystore.Visit) error {
	ctx, cancel := context.WithTimeout(w.o.ctx, callTime)
	defer cancel()
	k, con, err := findConsent(w.o, *v.Consent)
	if err != nil || !k.Requested.IsZero() {
		return err
	}
	known := len(v.Uses)
	if v.State == Shared && known == 0 {
		if known, err = w.askUses(ctx, v, con); err != nil {
			return err
		}
	}
	if v.State == Shared && known > 0 {
		return w.askReleases(ctx, v, con)
	}
	if home := con.OpenH.WriteTo; v.State == Failed && home != "" {
		return w.a.fetchDiagnoses(ctx, w.o, home)
	}
	return nil
}

// askUses asks about one locator: a search is made with all of them.
func (w *observer) askUses(ctx context.Context, v keystore.Visit, con message.CON) (int, error) {
	departments := grantedDepartments(con)
	if len(departments) == 0 {
		return 0, nil
	}
	prekey, err := w.a.cloudPrekey(ctx, w.o)
	if err != nil {
		return 0, err
	}
	answer, err := w.a.askCloud(ctx, w.o, prekey, departments[0], message.Question{Kind: message.AskUses, Consent: *v.Consent})
	if err != nil {
		return 0, err
	}
	return w.keepUses(v, answer)
}

func (w *observer) keepUses(v keystore.Visit, answer patient.Answered) (int, error) {
	uses, err := message.DecodeUses(answer.Content)
	if err != nil || len(uses) <= len(v.Uses) {
		return len(v.Uses), err
	}
	err = w.o.store.Update(func(c *keystore.Content) error {
		if kept := c.Visit(v.ID); kept != nil {
			kept.Uses = nil
			for _, u := range uses {
				kept.Uses = append(kept.Uses, keystore.Use{Time: u.Time, Write: u.Mode == message.ModeWrite})
			}
		}
		return nil
	})
	w.a.changes.broadcast(Visits, Consents)
	return len(uses), storeProblem(err)
}

// askReleases asks the hospitals that the consent names, from the last release known on.
func (w *observer) askReleases(ctx context.Context, v keystore.Visit, con message.CON) error {
	for _, g := range con.OpenH.Grants {
		before, err := knownReleases(w.o, g.Hospital)
		if err != nil {
			return err
		}
		if _, err := w.a.releases(ctx, w.o, g.Hospital); err != nil {
			return err
		}
		after, err := knownReleases(w.o, g.Hospital)
		if err != nil {
			return err
		}
		if len(after) > len(before) {
			w.a.changes.broadcast(Visits, Consents)
		}
	}
	return nil
}
