package suite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"medunion/api/doctorcert"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/deploy/local/authority"
	patient "medunion/patient-agent/agent"
	patientapi "medunion/patient-agent/server"
)

// StartPatient starts a patient's agent with its local API, by a local name, and
// registers it at the public cloud with a code minted for it, unless an earlier run
// has. The returned passphrase stands for what the person knows.
func (s *Suite) StartPatient(ctx context.Context, name string) (*patient.Agent, []byte, error) {
	pass, err := s.Passphrase(name)
	if err != nil {
		return nil, nil, err
	}
	a, err := s.startPatient(ctx, name, pass)
	if err != nil {
		return nil, nil, err
	}
	return a, pass, s.register(ctx, a, pass)
}

// Passphrase is what the patient of a name types. It is random, made on first use and kept.
func (s *Suite) Passphrase(name string) ([]byte, error) {
	file, err := s.state.passphrase("agents/" + name + "/passphrase")
	if err != nil {
		return nil, err
	}
	return secretfile.Passphrase(file)
}

// StartNewPatient starts a patient's agent as she finds it on her device: the store is
// hers to make, or to open if an earlier run has made it.
func (s *Suite) StartNewPatient(ctx context.Context, name string) (*patient.Agent, error) {
	return s.startPatient(ctx, name, nil)
}

func (s *Suite) startPatient(ctx context.Context, name string, passphrase []byte) (*patient.Agent, error) {
	if s.apis[name].stop != nil {
		return nil, fmt.Errorf("suite: the agent of %s runs", name)
	}
	folder := "agents/" + name
	addr, err := s.state.address(folder)
	if err == nil {
		err = os.MkdirAll(s.state.path(folder), 0o700)
	}
	if err != nil {
		return nil, err
	}
	_, jwks := s.Files()
	i, err := patientapi.Start(context.WithoutCancel(ctx), patientapi.Config{Dev: true, Listen: addr, Store: s.state.path(folder, "store"),
		Passphrase: passphrase, TokenFile: s.state.path(folder, "token"), Cloud: s.Cloud, Pins: &s.pins, Authority: authority.DefaultName,
		AuthorityFile: jwks, Suite: int(s.opt.Suite), Development: s.opt.Development, Trace: s.opt.Trace, Logger: s.log("patient"), Edge: s.altered(folder, httpserver.Edge{})})
	if err != nil {
		return nil, fmt.Errorf("patient's agent: %w", err)
	}
	s.onClose(i.Close)
	s.operates(folder, i.OperationsURL(), i.URL())
	s.apis[name] = API{URL: i.URL(), TokenFile: s.state.path(folder, "token"), Folder: s.state.path(folder), stop: i.Close}
	return i.Agent(), nil
}

// StopPatient ends a patient's agent, as when her device restarts. StartNewPatient starts
// it again, at the same address and locked.
func (s *Suite) StopPatient(name string) error {
	a, err := s.API(name)
	if err == nil && a.stop == nil {
		err = errors.New("suite: no patient's agent")
	}
	if err != nil {
		return err
	}
	stop := a.stop
	a.stop = nil
	s.apis[name] = a
	return stop()
}

// register does nothing for a patient who registered in an earlier run.
func (s *Suite) register(ctx context.Context, a *patient.Agent, pass []byte) error {
	if a.Status().Registered {
		return nil
	}
	code, err := s.PatientCode(ctx)
	if err != nil {
		return err
	}
	if _, err := a.Register(ctx, code, pass); err != nil {
		return fmt.Errorf("patient's registration: %w", err)
	}
	return nil
}

// API is where an agent's local API answers, and what opens it.
type API struct {
	URL       string
	TokenFile string // the bearer token
	Folder    string // of the agent: its sealed store, and the file "passphrase"

	stop func() error // of a patient's agent
}

// Page is the link that opens the agent's page in a browser: by name, because a passkey
// belongs to a name, and with the token where no server sees it.
func (a API) Page() (string, error) {
	u, err := url.Parse(a.URL)
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(a.TokenFile)
	if err != nil {
		return "", err
	}
	u.Host = net.JoinHostPort("localhost", u.Port())
	return u.String() + "/#" + strings.TrimSpace(string(token)), nil
}

// API returns the local API of a started agent, by its name: "doctor-<ID_D>", or a
// patient's local name.
func (s *Suite) API(name string) (API, error) {
	a, ok := s.apis[name]
	if !ok {
		return API{}, errors.New("suite: no such agent")
	}
	return a, nil
}

// PatientCode mints a single-use registration code, as the operator's desk does.
func (s *Suite) PatientCode(ctx context.Context) (string, error) {
	t, err := s.OperatorToken()
	if err != nil {
		return "", err
	}
	var answer struct {
		Code string `json:"code"`
	}
	err = s.post(ctx, s.Cloud+"/v1/operator/patient-codes", t, "application/json", nil, &answer)
	return answer.Code, err
}

// Authorized returns the verifier of doctors' certificates under the pinned keys of
// the development authority.
func (s *Suite) Authorized() (message.CertificateVerifier, error) {
	_, path := s.Files()
	jwks, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a, err := doctorcert.NewAuthority(authority.DefaultName, jwks)
	if err != nil {
		return nil, err
	}
	return a.Verify, nil
}

// Pins is what every party holds of the public cloud.
func (s *Suite) Pins() message.Pins { return s.pins }
