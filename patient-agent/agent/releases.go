package agent

import (
	"bytes"
	"context"
	"fmt"

	"medunion/api/message"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// Release is one line of who saw what.
type Release struct {
	message.Release
	ConsentKnown bool // the consent is one that she gave to this doctor
}

// Written reports that the doctor put something into the record (M11): nothing left it.
func (r Release) Written() bool { return written(r.Release) }

// written tells the receipt of an M11 from that of a release, which has a page at least.
func written(r message.Release) bool { return len(r.Pages) == 0 }

// HospitalReleases is what one hospital has told, now and before.
type HospitalReleases struct {
	Hospital message.ID
	Answered bool      // false: what follows is what was known before
	Warnings []Warning // what is wrong with the list; a gap hides something
	Releases []Release
}

// Warning is something wrong with a hospital's list: not-answered, hides-end, changed,
// missing or unknown-consent.
type Warning struct {
	Reason
	Number uint64 // of the release meant, 0 for none
}

func warn(code string, number uint64, format string, a ...any) Warning {
	return Warning{Reason: Reason{code, fmt.Sprintf(format, a...)}, Number: number}
}

// Releases is who saw what, at every hospital where she is enrolled.
type Releases struct {
	Complete  bool // every hospital answered, and nothing is wrong
	Hospitals []HospitalReleases
}

// Releases asks every hospital where she is enrolled who saw what. The numbers of a
// hospital's releases have no gaps, and what it has told once it must tell again:
// each answer begins with the last release known, and a list that goes back behind
// it, changes it, or leaves a number out comes with a warning, and the hospital's
// signed answer is kept as evidence.
func (a *Agent) Releases(ctx context.Context) (Releases, error) {
	o, err := a.registered()
	if err != nil {
		return Releases{}, err
	}
	mine, err := enrolled(o)
	if err != nil {
		return Releases{}, err
	}
	out := Releases{Complete: true, Hospitals: []HospitalReleases{}}
	for _, id := range mine {
		h, err := a.releases(ctx, o, id)
		if err != nil {
			return Releases{}, err
		}
		out.Complete = out.Complete && h.Answered && len(h.Warnings) == 0
		out.Hospitals = append(out.Hospitals, h)
	}
	return out, nil
}

// told is a hospital's whole answer.
type told struct {
	list     []message.Release
	answers  []keystore.Statement
	contents [][]byte
}

// releases joins what a hospital says with what is known of it.
func (a *Agent) releases(ctx context.Context, o *opened, id message.ID) (HospitalReleases, error) {
	out := HospitalReleases{Hospital: id, Answered: true, Warnings: []Warning{}, Releases: []Release{}}
	known, err := knownReleases(o, id)
	if err != nil {
		return out, err
	}
	answer, err := a.askReleases(ctx, o, id, uint64(len(known)))
	if err != nil {
		out.Answered = false
		out.Warnings = append(out.Warnings, warn("not-answered", 0, "The hospital %s; this is what it has told before.", says(err).Says))
	}
	news, warnings := compare(known, answer.list)
	if err != nil {
		news, warnings = nil, nil
	}
	out.Warnings = append(out.Warnings, warnings...)
	if err := keepReleases(o, id, known, news, answer, len(warnings) > 0); err != nil {
		return out, storeProblem(err)
	}
	return out, storeProblem(o.store.View(func(c keystore.Content) error {
		out.show(c, append(known, news...))
		return nil
	}))
}

func (h *HospitalReleases) show(c keystore.Content, list []message.Release) {
	for _, r := range list {
		k := c.Consent(r.Consent)
		line := Release{Release: r, ConsentKnown: k != nil && doctorOf(*k) == r.Doctor}
		if !line.ConsentKnown {
			h.Warnings = append(h.Warnings, warn("unknown-consent", r.Number, "Release %d names a consent that you did not give to this doctor.", r.Number))
		}
		h.Releases = append(h.Releases, line)
	}
}

func doctorOf(k keystore.Consent) message.Hash {
	c, err := message.DecodeCredential(k.Doctor)
	if err != nil {
		return message.Hash{}
	}
	return c.Hash()
}

func knownReleases(o *opened, id message.ID) (list []message.Release, err error) {
	err = o.store.View(func(c keystore.Content) error {
		list, err = message.DecodeReleases(c.Known(id).Releases)
		return err
	})
	return list, storeProblem(err)
}

// askReleases asks from the last number known on, that one included.
func (a *Agent) askReleases(ctx context.Context, o *opened, id message.ID, last uint64) (t told, err error) {
	h, err := a.hospital(ctx, o, id)
	if err != nil {
		return t, err
	}
	err = a.collectHospital(ctx, o, h, message.AskReleases, max(last, 1), func(answer patient.Answered) (uint64, error) {
		part, err := message.DecodeReleases(answer.Content)
		t.list = append(t.list, part...)
		t.answers, t.contents = append(t.answers, statement(answer)), append(t.contents, answer.Content)
		next := max(last, 1)
		if len(t.list) > 0 {
			next = t.list[len(t.list)-1].Number + 1
		}
		return next, err
	})
	return t, err
}

// compare holds a list that begins with the last release known against what is
// known. It returns what is new, and what is wrong in words.
func compare(known, list []message.Release) (news []message.Release, warnings []Warning) {
	last := uint64(len(known))
	switch {
	case last == 0:
		news = list
	case len(list) == 0:
		warnings = append(warnings, warn("hides-end", last, "The hospital's list now ends before release %d, which it has shown before: it HIDES releases.", last))
	case !bytes.Equal(list[0].Encode(), known[last-1].Encode()):
		warnings = append(warnings, warn("changed", last, "The hospital has CHANGED release %d, which it has shown before.", last))
		news = after(list, last)
	default:
		news = list[1:]
	}
	if err := patient.CheckReleases(last, news); err != nil {
		warnings = append(warnings, gap(last, news))
	}
	return news, warnings
}

// after drops what claims a number already known.
func after(list []message.Release, last uint64) []message.Release {
	for i, r := range list {
		if r.Number > last {
			return list[i:]
		}
	}
	return nil
}

func gap(last uint64, list []message.Release) Warning {
	for _, r := range list {
		if last++; r.Number != last {
			break
		}
	}
	return warn("missing", last, "Release %d is MISSING from the hospital's list: it hides who saw something.", last)
}

// keepReleases stores what is new and continues the list without a gap, and the
// signed answers that say so; answers that contradict are kept as disputed.
func keepReleases(o *opened, id message.ID, known, news []message.Release, t told, disputed bool) error {
	whole := append([]message.Release{}, known...)
	for _, r := range news {
		if r.Number != uint64(len(whole))+1 {
			break
		}
		whole = append(whole, r)
	}
	if len(whole) == len(known) && !disputed {
		return nil
	}
	return o.store.Update(func(c *keystore.Content) error {
		k := c.Known(id)
		if k.Last != uint64(len(known)) {
			return nil // another request was faster
		}
		k.Releases, k.Last = message.EncodeReleases(whole), uint64(len(whole))
		for i, s := range t.answers {
			if disputed {
				k.Dispute(s, t.contents[i])
			} else {
				k.Answers = append(k.Answers, s)
			}
		}
		return nil
	})
}
