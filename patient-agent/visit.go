package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"medunion/api/message"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/view"
)

type visitCmd struct {
	Link string `arg:"" help:"The doctor's link, as in the QR code."`

	Department string        `help:"Department in which the doctor acts; needed if he has several."`
	Purpose    string        `help:"Purpose of the consent." default:"TREATMENT"`
	For        time.Duration `help:"How long the consent holds." default:"24h"`
	Uses       uint32        `help:"How many searches it allows." default:"3"`
	Grant      []string      `help:"What a hospital may release, as HOSPITAL:DEPT,DEPT:CLASS,CLASS; repeatable. Default: all that you have." sep:"none" placeholder:"GRANT"`
	Nothing    bool          `help:"Allow no hospital to release anything." xor:"grants"`

	WithholdDepartments []string `help:"Leave these departments out." placeholder:"DEPT"`
	WithholdClasses     []string `help:"Leave these record classes out." placeholder:"CLASS"`

	WriteTo   *string       `help:"Hospital at which the diagnosis may be written, or \"none\". Default: the doctor's, if you are enrolled there."`
	Signals   []string      `help:"File of measurements, .csv or FHIR .json; repeatable." type:"existingfile" sep:"none" placeholder:"FILE"`
	Kind      string        `help:"What a CSV file records." enum:",ecg,ppg,heart-rate" default:""`
	Hz        string        `help:"Samples a second of a CSV file, if its name does not tell."`
	FirstPart time.Duration `help:"Take only so much of a CSV file's beginning."`
	NoWait    bool          `help:"Do not wait for the diagnosis once everything is shared."`
}

// Run checks, starts and follows the visit.
func (c visitCmd) Run(s *session) error {
	q, err := c.request()
	if err != nil {
		return err
	}
	return s.unlocked(func(passphrase []byte) error {
		card, err := s.agent.Card(s.ctx, c.Link)
		if err != nil {
			return err
		}
		if !s.cli.JSON {
			showCard(card)
		}
		// The consent is a ceremony of its own: at a terminal the passphrase is asked for again.
		again, err := s.passphrase("Passphrase, to consent to what you have chosen: ")
		if err != nil {
			return err
		}
		q.Passphrase = again
		id, err := s.agent.StartVisit(s.ctx, q)
		clear(again)
		if err != nil {
			return err
		}
		return c.follow(s, id)
	})
}

func (c visitCmd) request() (q agent.Request, err error) {
	q = agent.Request{Link: c.Link, Department: message.Code(c.Department), Purpose: message.Code(c.Purpose),
		Expires: time.Now().Add(c.For), MaxUses: c.Uses,
		Withhold: agent.Withhold{Departments: codeList(c.WithholdDepartments), Classes: codeList(c.WithholdClasses)}}
	if c.Nothing {
		q.Grants = []message.Grant{}
	}
	for _, text := range c.Grant {
		g, err := parseGrant(text)
		if err != nil {
			return q, err
		}
		q.Grants = append(q.Grants, g)
	}
	if c.WriteTo != nil {
		id := message.ID(*c.WriteTo)
		if id == "none" {
			id = ""
		}
		q.WriteTo = &id
	}
	for _, name := range c.Signals {
		b, err := os.ReadFile(name)
		if err != nil {
			return q, err
		}
		q.Recordings = append(q.Recordings, agent.Recording{Name: filepath.Base(name), Data: b, Kind: c.Kind, Hz: c.Hz, First: c.FirstPart})
	}
	return q, nil
}

func codeList(in []string) []message.Code {
	return view.Each(in, func(s string) message.Code { return message.Code(s) })
}

// parseGrant reads HOSPITAL:DEPT,DEPT:CLASS,CLASS.
func parseGrant(text string) (message.Grant, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return message.Grant{}, errors.New("a grant has the form HOSPITAL:DEPT,DEPT:CLASS,CLASS")
	}
	return message.Grant{Hospital: message.ID(parts[0]), Departments: codeList(strings.Split(parts[1], ",")),
		Classes: codeList(strings.Split(parts[2], ","))}, nil
}

var errStopped = errors.New("stopped; the visit ends here, and if a consent was shared the doctor may still use it: see `consents` and `revoke`")

// follow prints each step until the diagnosis.
func (c visitCmd) follow(s *session, id string) error {
	v, err := s.agent.Visit(id)
	for ; err == nil; v, err = s.agent.Wait(s.ctx, id, v.State) {
		if !s.cli.JSON {
			fmt.Printf("%s  %s\n", clock(v.Updated), v.Says)
		}
		if v.Over() || c.NoWait && v.State == agent.Shared {
			break
		}
	}
	if s.ctx.Err() != nil {
		return errStopped
	}
	if err != nil {
		return err
	}
	return c.result(s, v)
}

func (visitCmd) result(s *session, v agent.Visit) error {
	if s.cli.JSON {
		if err := s.print(view.Visit(v), nil); err != nil {
			return err
		}
	}
	if v.State == agent.Failed {
		return errors.New("the visit failed")
	}
	if v.Diagnosis == nil || s.cli.JSON {
		return nil
	}
	d, err := s.agent.Diagnosis(*v.Diagnosis)
	if err == nil {
		showDiagnosis(d)
	}
	return err
}
