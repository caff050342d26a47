// The patient's agent on the command line: it registers, enrols, visits a doctor and
// shows what became of it. `serve` offers the same as a local REST API.
package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/alecthomas/kong"

	"medunion/api/command"
	"medunion/api/problem"
	"medunion/api/settings"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/server"
)

type cli struct {
	server.Config `embed:""`
	JSON          bool `help:"Print JSON instead of text."`

	Register  registerCmd  `cmd:"" help:"Make an identity and register it with a code from the registration desk."`
	Renew     renewCmd     `cmd:"" help:"Renew your credential, if it ends soon. While the agent serves it does so by itself."`
	Hospitals hospitalsCmd `cmd:"" help:"Hospitals of the directory and what each holds of you."`
	Enrol     enrolCmd     `cmd:"" help:"Link your record at a hospital with a code from its desk."`
	Record    recordCmd    `cmd:"" help:"Your own record at a hospital, as a FHIR bundle."`
	Card      cardCmd      `cmd:"" help:"Show and verify a doctor's card."`
	Visit     visitCmd     `cmd:"" help:"Consult a doctor and follow the visit until the diagnosis."`
	Visits    visitsCmd    `cmd:"" help:"Your visits."`
	Diagnoses diagnosesCmd `cmd:"" help:"Diagnoses from your visits and from the hospitals' records."`
	Consents  consentsCmd  `cmd:"" help:"What you have allowed, and the searches made under it."`
	Releases  releasesCmd  `cmd:"" help:"Who saw what, at each hospital."`
	Revoke    revokeCmd    `cmd:"" help:"Revoke a consent at every hospital and at the public cloud."`
	Serve     serveCmd     `cmd:"" default:"withargs" help:"Serve the page and the local REST API; what is done without a command."`
	Page      pageCmd      `cmd:"" help:"Print the link that opens your page in a browser on this device, while the agent serves it. Keep it to yourself."`

	Version command.Version `cmd:"" help:"Print what was built, and from what."`
}

// session is one run of a command.
type session struct {
	ctx   context.Context
	cli   *cli
	agent *agent.Agent
}

func main() {
	var c cli
	command.Program{Name: "patient-agent", Description: "A patient's own agent: records, doctors, consents.", Explain: explain, Options: []kong.Option{settings.Option(),
		kong.BindSingletonProvider(func(ctx context.Context) (*session, error) { return &session{ctx: ctx, cli: &c}, nil })}}.Main(&c)
}

// explain words an error for the person at the terminal.
func explain(err error) string {
	var p *problem.Error
	if !errors.As(err, &p) {
		return err.Error()
	}
	switch p.Kind {
	case problem.KindInternal:
		return "internal error: " + problem.Reason(err)
	case problem.KindUnavailable:
		return "a service cannot be reached now; try again later"
	case problem.KindRefused:
		return "refused: a check failed here or at the peer (a code that is used up or wrong, a signature or certificate that does not hold)"
	}
	return p.Document("").Detail
}

// open makes the agent; no command but serve writes a log.
func (s *session) open() error {
	cfg := s.cli.Config
	cfg.Logger = slog.New(slog.DiscardHandler)
	a, err := cfg.NewAgent()
	s.agent = a
	return err
}

// unlocked opens the store and runs f.
func (s *session) unlocked(f func(passphrase []byte) error) error {
	if err := s.open(); err != nil {
		return err
	}
	passphrase, err := s.passphrase("Passphrase: ")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if err := s.agent.Unlock(passphrase); err != nil {
		return err
	}
	return errors.Join(f(passphrase), s.agent.Close())
}
