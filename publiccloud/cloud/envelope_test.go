package cloud_test

import (
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// The first message of an exchange is number 1, although it is signed and sealed as it should be.
func TestFirstMessagesAreNumberedOne(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, h, sks := w.doctor(s, "SURGERY"), w.hospital(s), peers.Locators(1)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	e := peers.Entry(h, sks[0], w.now())
	c := w.knows(s)
	c.Seq = 2
	_, err := w.Search(t.Context(), c.Search(d, g, w.now(), nil).Raw)
	w.wants(problem.KindRefused, err)
	_, err = w.WriteEntry(t.Context(), c.WriteEntry(h, e, sks[0].Public(), w.now()).Raw)
	w.wants(problem.KindRefused, err)
	_, err = w.WriteDiagnosisEntry(t.Context(), c.Diagnosis(d, g, 0, e, w.now(), nil).Raw)
	w.wants(problem.KindRefused, err)
	_, err = w.Ask(t.Context(), c.Ask(sks[0], message.Question{Kind: message.AskEntries}, w.now()).Raw)
	w.wants(problem.KindRefused, err)
	c.Seq = 1
	_, err = w.Search(t.Context(), c.Search(d, g, w.now(), nil).Raw)
	w.ok(err)
}
