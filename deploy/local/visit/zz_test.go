package visit

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/api/openapi/doctoragent"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/ecc"
	patient "medunion/patient-agent/agent"
)

func TestZZPasskey(t *testing.T) {
	ctx := context.Background()
	p := plan(t, 2)
	s, err := suite.Start(ctx, suite.Options{Dir: t.TempDir(), Hospitals: 2, Suite: ecc.SuiteX25519})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = Import
	src := sourceOf(t)
	if err := Import(ctx, s, src); err != nil {
		t.Fatal(err)
	}
	d, err := s.StartDoctor(ctx, suite.DoctorProfile{ID: DoctorID, Name: "Maya Okafor", Departments: []message.Code{p.Department}, Affiliation: s.Hospitals[p.Home].ID})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.StartNewPatient(ctx, "new")
	if err != nil {
		t.Fatal(err)
	}
	api, _ := s.API("new")
	link, _ := api.Page()
	origin, _, _ := strings.Cut(link, "/#")
	fmt.Println(origin)
	k := softkey.ES256(1, "localhost", origin)
	c, err := a.ChallengePasskey()
	if err != nil {
		t.Fatal(err)
	}
	code, err := s.PatientCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	o, cl := k.Create(c.Challenge)
	if _, err := a.RegisterWith(ctx, code, patient.Means{Passkey: &patient.NewPasskey{CredentialID: k.ID, AttestationObject: o, ClientDataJSON: cl, PRF: k.PRF()}}); err != nil {
		t.Fatal(err)
	}
	ps := &Parties{Suite: s, Doctor: d, Patient: a, Log: &Log{}}
	if err := ps.enrol(ctx, p); err != nil {
		t.Fatal(err)
	}
	_ = a.SetProfile(patient.Profile{Name: "Ana", BirthDate: "1961-04-12", Sex: "female"})
	wctx, stop := context.WithCancel(ctx)
	defer stop()
	begin := time.Now()
	go a.Watch(wctx, func(ts []patient.Topic) error {
		vs, _ := a.Visits()
		for _, v := range vs {
			fmt.Printf("%6.2fs %s %s %v\n", time.Since(begin).Seconds(), v.State, v.Code, v.Activity)
		}
		return nil
	})
	card, _ := d.Card()
	r := ps.request(p, card.Link)
	r.Passphrase = nil
	ap, err := a.PrepareApproval(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	proof := k.Assert(ap.Challenge[:])
	id, err := a.Approve(ap.ID, patient.Proof{CredentialID: k.ID, Passkey: &proof})
	if err != nil {
		t.Fatal(err)
	}
	vid, err := ps.callIn(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.FetchRecords(vid, message.Filter{}); err != nil {
		t.Fatal(err)
	}
	if err := ps.awaitRecords(ctx, vid); err != nil {
		t.Fatal(err)
	}
	time.Sleep(12 * time.Second)
	v, _ := a.Visit(id)
	fmt.Printf("%+v\n", v.Activity)
	var dg Diagnosis
	if err := ps.diagnose(ctx, Outcome{ID: vid, Patient: id}, &dg); err != nil {
		t.Fatal(err)
	}
	rel, err := a.Releases(ctx)
	fmt.Println(len(rel.Hospitals), rel.Complete, err, dg.PatientVerified)
	_ = doctoragent.Closed
}

func sourceOf(t *testing.T) source.Source {
	s, err := source.Read(os.DirFS("../testdata/synthea"), 2)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
