package peers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/fhir"
	"medunion/privatecloud/internal/ingest"
	"medunion/privatecloud/internal/mongostore"
	"medunion/privatecloud/internal/redisstore"
)

// Stores are the real stores of one hospital: a database of its own, a Redis.
type Stores struct {
	URI      string // of MongoDB
	Database string
	Redis    string // address
	Window   string // namespace of the replay window; its floor lies ahead for 2 s after it is first used
}

// NewStores names a fresh database.
func NewStores(uri, redisAddr string) Stores {
	b := make([]byte, 6)
	rand.Read(b)
	return Stores{URI: uri, Database: "test_" + hex.EncodeToString(b), Redis: redisAddr, Window: "tests"}
}

// AwaitWindow returns when a replay window takes messages: 2 s after its first use.
func AwaitWindow(redisAddr, namespace string) error {
	w, err := replay.New(replay.Config{Addrs: []string{redisAddr}, Namespace: namespace, Timeout: time.Second}, time.Now)
	if err != nil {
		return err
	}
	defer w.Close()
	for range 100 {
		if err = w.Ready(context.Background()); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// Hospital is one instance of a hospital over its stores.
type Hospital struct {
	*hospital.Hospital
	Party   Party
	Mongo   *mongostore.Store
	Redis   redis.UniversalClient
	Import  ingest.Importer
	Storage [32]byte
}

// NewHospital registers a hospital and starts an instance with a prekey.
func (w *World) NewHospital(t testing.TB, id message.ID, s Stores) *Hospital {
	t.Helper()
	var storage [32]byte
	rand.Read(storage[:])
	h := w.Instance(t, w.Register(message.Hospital, id, []byte("http://"+string(id)+".example"), 1), storage, s, nil)
	if err := h.RotatePrekeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// Instance starts another instance of a registered hospital; change may alter its configuration.
func (w *World) Instance(t testing.TB, p Party, storage [32]byte, s Stores, change func(*hospital.Config)) *Hospital {
	t.Helper()
	store, err := mongostore.Open(t.Context(), s.URI, s.Database)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: s.Redis, MaxRetries: -1})
	window, err := replay.New(replay.Config{Addrs: []string{s.Redis}, Namespace: s.Window, Timeout: time.Second}, w.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close(context.Background()); client.Close(); window.Close() })
	classes := Must(fhir.NewClassifier(message.DefaultClassRules, message.DefaultClasses))
	c := hospital.Config{Keys: hospital.Keys{Identities: hospital.FixedIdentity(hospital.NewIdentity(p.Cred, p.Sign, p.S)), Lookup: hospital.LookupKey(storage[:]), Storage: hospital.FixedStorage(storage)}, Pins: w.Pins,
		VerifyCertificate: w.VerifyCertificate, Now: w.Clock.Now, Rand: rand.Reader, Window: redisstore.Window{Window: window},
		Sessions: redisstore.NewSessions(client, s.Database), Records: store, DeskCodes: store, Enrolments: store, Tickets: store,
		Consents: store, Receipts: store, Diagnoses: store, Audit: store, Erasures: store, Rekeying: store, Prekeys: store, Revocations: w, Cloud: w,
		Reader: ingest.DiagnosisReader{Classes: classes, Limits: fhir.DefaultLimits}}
	if change != nil {
		change(&c)
	}
	role, err := hospital.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &Hospital{Hospital: role, Party: p, Mongo: store, Redis: client, Storage: storage,
		Import: ingest.Importer{Hospital: role, Rules: fhir.DefaultRules(), Classes: classes, Limits: fhir.DefaultLimits}}
}

// Prekey is the hospital's published prekey.
func (h *Hospital) Prekey(t testing.TB, w *World) ecc.KEMPublicKey {
	return w.OpenPrekey(t, h.Party.Cred)
}

// Enrol enrols a patient with the record of a medical record number.
func (h *Hospital) EnrolPatient(t testing.TB, p *Patient, mrn string) {
	t.Helper()
	code, _, err := h.NewDeskCode(t.Context(), mrn)
	if err != nil {
		t.Fatal(err)
	}
	x := p.Enrol(t, h.Party.Cred, h.Prekey(t, p.W), code)
	m, err := h.Enrol(t.Context(), x.M)
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	x.Enrolled(t, m)
}

// Grant grants all of the given departments' and classes at this hospital.
func (h *Hospital) Grant(departments, classes []message.Code) message.Grant {
	return message.Grant{Hospital: h.ID(), Departments: message.SortCodes(departments), Classes: message.SortCodes(classes)}
}

// AllClasses are the record classes of the default parameters.
func AllClasses() []message.Code {
	var out []message.Code
	for _, c := range message.DefaultClasses {
		out = append(out, message.Code(c))
	}
	return message.SortCodes(out)
}

// Open runs M6 and M7.
func (h *Hospital) Open(t testing.TB, w *World, d Party, p *Patient, con message.CON, mode message.Mode) *Session {
	t.Helper()
	s := w.Visit(d, h.Party.Cred, h.Prekey(t, w), p.Cred, con, w.Ticket(d, con.Consent, mode))
	m7, err := h.OpenSession(t.Context(), s.M6)
	if err != nil {
		t.Fatal(problem.Reason(err))
	}
	if err := s.ReceiveM7(m7); err != nil {
		t.Fatal(err)
	}
	return s
}

// All drains a release.
func All(r *hospital.Release) (pages []message.Message, err error) {
	for {
		m, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return pages, nil
		}
		if err != nil {
			return nil, err
		}
		pages = append(pages, m)
	}
}
