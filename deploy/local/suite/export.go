package suite

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"

	"medunion/api/secretfile"
	"medunion/deploy/local/authority"
	"medunion/doctor-portal/practice"
)

// ExportedDoctor is a doctor whose keys wait in a sealed file: her page loads it, as that
// of a doctor who moves to another workstation.
type ExportedDoctor struct {
	DoctorProfile
	File           string // the sealed export
	PassphraseFile string // what opens it
}

// ExportDoctor makes a doctor's keys, has them certified and registered, and writes their
// sealed export, unless an earlier run has.
func (s *Suite) ExportDoctor(ctx context.Context, p DoctorProfile) (ExportedDoctor, error) {
	name := "agents/page-" + string(p.ID)
	pass, err := s.state.passphrase(name + "/passphrase")
	if err != nil {
		return ExportedDoctor{}, err
	}
	out := ExportedDoctor{DoctorProfile: p, File: s.state.path(name, "keys.medunion"), PassphraseFile: pass}
	_, err = s.state.once(name+"/keys.medunion", func() ([]byte, error) { return s.export(ctx, p, pass) })
	return out, err
}

// export works as the doctor's page does, with files that nobody keeps.
func (s *Suite) export(ctx context.Context, p DoctorProfile, passphraseFile string) ([]byte, error) {
	pass, err := secretfile.Passphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	_, keys := s.Files()
	jwks, err := os.ReadFile(keys)
	if err != nil {
		return nil, err
	}
	d, err := practice.New(practice.Config{Portal: exchange{s.Portal}, Files: &unkept{files: map[string][]byte{}}, Rand: rand.Reader,
		Origin: s.Portal, Pins: s.pins, Authority: authority.DefaultName, JWKS: jwks})
	if err != nil {
		return nil, err
	}
	defer d.Lock()
	err = d.Create(practice.NewStore{ID: string(p.ID), Suite: int(s.opt.Suite), Opener: practice.Opener{Passphrase: string(pass)}})
	if err == nil {
		err = s.join(ctx, d, p)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.ID, err)
	}
	return d.ExportStore(string(pass))
}

// join has a doctor certified and registered.
func (s *Suite) join(ctx context.Context, d *practice.Practice, p DoctorProfile) error {
	q := practice.Person{Licence: "L-" + string(p.ID), Name: p.Name, Affiliation: string(p.Affiliation)}
	for _, c := range p.Departments {
		q.Departments = append(q.Departments, string(c))
	}
	request, err := d.RequestCertificate(q)
	if err != nil {
		return err
	}
	jwt, err := s.Certify(ctx, []byte(request))
	if err != nil {
		return err
	}
	if err := d.SetCertificate(jwt); err != nil {
		return err
	}
	return d.Register(ctx)
}

// exchange is practice.Portal over HTTP.
type exchange struct{ origin string }

// Exchange implements practice.Portal.
func (e exchange) Exchange(ctx context.Context, r practice.Request) (*practice.Response, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	q, err := http.NewRequestWithContext(ctx, r.Method, e.origin+r.Path, body)
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		q.Header.Set(k, v)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	return &practice.Response{Status: a.StatusCode, Body: a.Body}, nil
}

// unkept is keystore.Files in memory.
type unkept struct {
	mu    sync.Mutex
	files map[string][]byte
}

// Read implements keystore.Files.
func (u *unkept) Read(name string) ([]byte, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	b, ok := u.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

// Replace implements keystore.Files.
func (u *unkept) Replace(name string, b []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[name] = bytes.Clone(b)
	return nil
}

// Remove implements keystore.Files.
func (u *unkept) Remove(name string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.files, name)
	return nil
}

// List implements keystore.Files.
func (u *unkept) List() (names []string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for name := range u.files {
		names = append(names, name)
	}
	return names, nil
}
