package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"medunion/api/message"
	"medunion/api/settings"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/view"
	"medunion/patient-agent/server"
)

// print writes v as JSON if that was asked for, else calls text.
func (s *session) print(v any, text func()) error {
	if !s.cli.JSON {
		text()
		return nil
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

type registerCmd struct {
	Code string `arg:"" help:"The single-use code."`
}

// Run registers; the store is made under a new passphrase.
func (c registerCmd) Run(s *session) error {
	if err := s.open(); err != nil {
		return err
	}
	ask := s.newPassphrase
	if s.agent.Status().Exists {
		ask = func() ([]byte, error) { return s.passphrase("Passphrase: ") }
	}
	passphrase, err := ask()
	if err != nil {
		return err
	}
	defer clear(passphrase)
	id, err := s.agent.Register(s.ctx, c.Code, passphrase)
	if err != nil {
		return errors.Join(err, s.agent.Close())
	}
	return errors.Join(s.print(view.Identity(id), func() {
		fmt.Printf("Registered as %s until %s.\n", id.ID, day(id.NotAfter))
	}), s.agent.Close())
}

type renewCmd struct {
	Now      bool `help:"Also if it does not end soon."`
	Restored bool `help:"This store is an older copy that you have brought back: renewals that it does not know of were yours."`
}

// Run renews. That nothing is to be done yet is no failure.
func (c renewCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		id, err := s.agent.Identity()
		if err != nil {
			return err
		}
		at, err := s.agent.RenewAt(s.ctx)
		if err != nil {
			return err
		}
		if !c.Now && !c.Restored && time.Now().Before(at) {
			return s.print(view.Identity(id), func() { fmt.Printf("Good until %s; it is renewed from %s on.\n", day(id.NotAfter), day(at)) })
		}
		if id, err = s.agent.Renew(s.ctx, c.Restored); err != nil {
			return err
		}
		return s.print(view.Identity(id), func() { fmt.Printf("Renewed until %s. Your hospitals go on as before.\n", day(id.NotAfter)) })
	})
}

type hospitalsCmd struct{}

// Run lists the hospitals.
func (hospitalsCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		list, err := s.agent.Hospitals(s.ctx)
		if err != nil {
			return err
		}
		return s.print(view.Hospitals(list), func() { showHospitals(list) })
	})
}

type enrolCmd struct {
	Hospital string `arg:"" help:"The hospital's identifier."`
	Code     string `arg:"" help:"The one-time code from its desk."`
}

// Run enrols.
func (c enrolCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		e, err := s.agent.Enrol(s.ctx, message.ID(c.Hospital), c.Code)
		if err != nil {
			return err
		}
		return s.print(map[string]any{"hospital": e.Hospital, "time": e.Time}, func() {
			fmt.Printf("Enrolled at %s; the hospital's receipt holds.\n", e.Hospital)
		})
	})
}

type recordCmd struct {
	Hospital string `arg:"" help:"The hospital's identifier."`
}

// Run writes the record to standard output, byte for byte.
func (c recordCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		b, err := s.agent.Record(s.ctx, message.ID(c.Hospital))
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(append(b, '\n'))
		return err
	})
}

type cardCmd struct {
	Link string `arg:"" help:"The doctor's link, as in the QR code."`
}

// Run shows a card of which everything was verified.
func (c cardCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		card, err := s.agent.Card(s.ctx, c.Link)
		if err != nil {
			return err
		}
		return s.print(view.Card(card), func() { showCard(card) })
	})
}

type visitsCmd struct{}

// Run lists the visits.
func (visitsCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		list, err := s.agent.Visits()
		if err != nil {
			return err
		}
		return s.print(view.Each(list, view.Visit), func() {
			for _, v := range list {
				fmt.Printf("%s  %-9s  %s (%s)\n    %s\n", clock(v.Started), v.State, v.Doctor, v.Department, v.Says)
			}
		})
	})
}

type diagnosesCmd struct{}

// Run lists the diagnoses.
func (diagnosesCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		list, unanswered, err := s.agent.Diagnoses(s.ctx)
		if err != nil {
			return err
		}
		err = s.print(map[string]any{"diagnoses": view.Each(list, view.Diagnosis), "unanswered": view.Each(unanswered, view.Unanswered)}, func() {
			for _, d := range list {
				showDiagnosis(d)
			}
		})
		for _, u := range unanswered {
			fmt.Fprintf(os.Stderr, "%s %s\n", u.Hospital, u.Says)
		}
		return err
	})
}

type consentsCmd struct {
	Uses string `help:"Show the searches made under this consent (its hash, or a beginning of it)." placeholder:"HASH"`
}

// Run lists the consents, or the uses of one.
func (c consentsCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		list, err := s.agent.Consents()
		if err != nil {
			return err
		}
		if c.Uses == "" {
			return s.print(view.Each(list, view.Consent), func() { showConsents(list) })
		}
		k, err := pick(list, c.Uses)
		if err != nil {
			return err
		}
		uses, err := s.agent.Uses(s.ctx, k.Hash)
		if err != nil {
			return err
		}
		return s.print(view.Each(uses, view.Use), func() { showUses(k, uses) })
	})
}

// minPrefix is the fewest digits by which a consent can be named.
const minPrefix = 8

// pick finds the one consent whose hash begins with the text.
func pick(list []agent.Consent, prefix string) (found agent.Consent, err error) {
	n := 0
	for _, c := range list {
		if h := hex.EncodeToString(c.Hash[:]); len(prefix) >= minPrefix && len(prefix) <= len(h) && h[:len(prefix)] == prefix {
			found, n = c, n+1
		}
	}
	if n != 1 {
		return found, errors.New("no consent, or several, begin so; give 8 digits of its hash at least")
	}
	return found, nil
}

type releasesCmd struct{}

var errHidden = errors.New("a hospital's list is not complete; see the warnings")

// Run lists who saw what, and fails if anything is hidden.
func (releasesCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		r, err := s.agent.Releases(s.ctx)
		if err != nil {
			return err
		}
		if err := s.print(view.Releases(r), func() { showReleases(r) }); err != nil {
			return err
		}
		if !r.Complete {
			return errHidden
		}
		return nil
	})
}

type revokeCmd struct {
	Consent string `arg:"" help:"The consent's hash, or 8 digits of its beginning at least."`
}

var errPartly = errors.New("the consent is not revoked everywhere; repeat the command")

// Run revokes, reports each peer and fails unless all have confirmed.
func (c revokeCmd) Run(s *session) error {
	return s.unlocked(func([]byte) error {
		list, err := s.agent.Consents()
		if err != nil {
			return err
		}
		k, err := pick(list, c.Consent)
		if err != nil {
			return err
		}
		r, err := s.agent.Revoke(s.ctx, k.Hash)
		if err != nil {
			return err
		}
		if err := s.print(view.Revocation(r), func() { showRevocation(r) }); err != nil {
			return err
		}
		if !r.Complete {
			return errPartly
		}
		return nil
	})
}

type pageCmd struct{}

// Run prints the page's link, which holds the token, to the terminal and nowhere else.
func (pageCmd) Run(s *session) error {
	link, err := s.cli.PageLink()
	if err != nil {
		return err
	}
	_, err = fmt.Println(link)
	return err
}

type serveCmd struct {
	settings.Actions
}

// Run serves until the program is interrupted.
func (c serveCmd) Run(s *session, k *kong.Context, from *settings.Sources) error {
	return c.Do(k, from, s.cli.Problems, func() error { return server.Run(s.ctx, s.cli.Config) })
}
