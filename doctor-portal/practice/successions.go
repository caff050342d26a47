package practice

import (
	"context"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/doctor-portal/keystore"
)

// successionsFile is the file beside the key store that holds what was learned of the
// public cloud's roots. Nothing in it is secret, and each link of it is signed by a key that
// was pinned before.
const successionsFile = "successions"

type filed struct{ files keystore.Files }

// Read implements roots.Store.
func (f filed) Read() ([]byte, error) { return f.files.Read(successionsFile) }

// Replace implements roots.Store.
func (f filed) Replace(b []byte) error { return f.files.Replace(successionsFile, b) }

// Pins are the pins that were given, with the successions learned since: message.Pinned.
func (p *Practice) Pins() message.Pins {
	if k := p.roots.Load(); k != nil {
		return k.Pins()
	}
	return p.cfg.Pins
}

// remember takes up what was learned before, once.
func (p *Practice) remember() error {
	if p.roots.Load() != nil {
		return nil
	}
	k, err := roots.Open(p.cfg.Pins, filed{p.cfg.Files})
	if err != nil {
		return problem.Refused(err)
	}
	p.roots.Store(k)
	return nil
}

// cloudPrekey fetches the public cloud's prekey, after what may have succeeded the root
// that signed the last one.
func (s *session) cloudPrekey(ctx context.Context) (message.Signed, error) {
	if err := s.learn(ctx); err != nil {
		return message.Signed{}, err
	}
	return s.link.prekey(ctx, "cloud", int(s.d.Suite()))
}

// learnAfter is how often successions are asked for: they are announced days before.
const learnAfter = 15 * time.Minute

// learn takes the successions of the public cloud's root, if it is time.
func (s *session) learn(ctx context.Context) error {
	now := s.p.cfg.Now()
	s.mu.Lock()
	due := s.learned.IsZero() || now.Sub(s.learned).Abs() >= learnAfter
	s.mu.Unlock()
	if !due {
		return nil
	}
	var a struct {
		Successions []string `json:"successions"`
	}
	if err := s.link.call(ctx, "GET", pathSuccessions, nil, largeAnswer, &a); err != nil {
		return err
	}
	if _, err := s.p.roots.Load().Learn(a.Successions); err != nil {
		return problem.Refused(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learned = now
	return nil
}
