package agent_test

import (
	"testing"

	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

// TestSummaryNamesWhoIsNamed: what she is asked to approve shows who she is said to be in
// what is sent, wherever that comes from.
func TestSummaryNamesWhoIsNamed(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	self := agent.Profile{Name: "Ana López", BirthDate: "1961-04-12", Sex: "female"}
	u.ok(a.SetProfile(self))
	shown := func(q agent.Request) *agent.Profile {
		t.Helper()
		p, err := a.PrepareApproval(ctx, q)
		u.ok(err)
		return p.Profile
	}
	file := func(patient string) []agent.Recording {
		return []agent.Recording{{Name: "p.json", Data: []byte(patient)}}
	}
	for name, c := range map[string]struct {
		edit func(*agent.Request)
		want *agent.Profile
	}{
		"her profile": {func(*agent.Request) {}, &self},
		"anonymous":   {func(q *agent.Request) { q.Anonymous = true }, nil},
		"a file that names her, although anonymous": {func(q *agent.Request) {
			q.Anonymous = true
			q.Recordings = file(`{"resourceType":"Patient","name":[{"use":"old","family":"Ruiz"},{"use":"official","given":["Ana","B."],"family":"López"}],"birthDate":"1961","gender":"other"}`)
		}, &agent.Profile{Name: "Ana B. López", BirthDate: "1961", Sex: "other"}},
		"a file with a Patient of strange form": {func(q *agent.Request) {
			q.Recordings = file(`{"resourceType":"Patient","name":"Ana","birthDate":"<b>","gender":7}`)
		}, &agent.Profile{}},
	} {
		q := u.request()
		q.Passphrase, q.Recordings = nil, nil
		c.edit(&q)
		got := shown(q)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: shown %+v, want %+v", name, got, c.want)
		}
	}
}

// TestSummaryOfAVisitAgain: a visit that is begun again sends the name that it sent before.
func TestSummaryOfAVisitAgain(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	self := agent.Profile{Name: "Ana López"}
	u.ok(a.SetProfile(self))
	first := u.prepared(a)
	id, err := a.Approve(first.ID, agent.Proof{Passphrase: secret})
	u.ok(err)
	u.ok(errOf(a.EndVisit(id)))
	u.ok(a.SetProfile(agent.Profile{}))
	p := peers.Must(a.PrepareApproval(ctx, agent.Request{Again: id}))
	if p.Profile == nil || *p.Profile != self {
		t.Errorf("shown %+v, sent %s", p.Profile, p.Choices.MSD)
	}
}
