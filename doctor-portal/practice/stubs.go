package practice

import "context"

// Practice is a doctor at work. Its methods are safe for concurrent use.
type Practice struct{}

func New(cfg Config) (*Practice, error)                               { panic("") }
func ProblemOf(err error) Problem                                     { panic("") }
func (p *Practice) Status() (Status, error)                           { panic("") }
func (p *Practice) Create(q NewStore) error                           { panic("") }
func (p *Practice) Unlock(o Opener) error                             { panic("") }
func (p *Practice) AddOpener(o Opener) error                          { panic("") }
func (p *Practice) RemoveOpener(which OpenerKind) error               { panic("") }
func (p *Practice) Lock()                                             { panic("") }
func (p *Practice) ExportStore(passphrase string) ([]byte, error)     { panic("") }
func (p *Practice) ImportStore(q Import) error                        { panic("") }
func (p *Practice) Doctor() (Doctor, error)                           { panic("") }
func (p *Practice) RequestCertificate(q Person) (string, error)       { panic("") }
func (p *Practice) SetCertificate(jwt string) error                   { panic("") }
func (p *Practice) Register(ctx context.Context) error                { panic("") }
func (p *Practice) Card() (Card, error)                               { panic("") }
func (p *Practice) Directory(ctx context.Context) ([]Hospital, error) { panic("") }
func (p *Practice) Departments(ctx context.Context) ([]string, error) { panic("") }
func (p *Practice) Classes(ctx context.Context) ([]string, error)     { panic("") }
func (p *Practice) Visits() ([]Visit, error)                          { panic("") }
func (p *Practice) Visit(id string) (Visit, error)                    { panic("") }
func (p *Practice) Open(id string) (Visit, error)                     { panic("") }
func (p *Practice) Close(id string) (Visit, error)                    { panic("") }
func (p *Practice) Signals(id string) (string, error)                 { panic("") }
func (p *Practice) Fetch(id string, f Filter) error                   { panic("") }
func (p *Practice) Cancel(id string) error                            { panic("") }
func (p *Practice) Records(id, hospital string) (Records, error)      { panic("") }
func (p *Practice) Preview(id string, d Draft) (Preview, error)       { panic("") }
func (p *Practice) Sign(ctx context.Context, id, bundle string) (Diagnosis, error) {
	panic("")
}
func (p *Practice) Resend(ctx context.Context, id string) (Diagnosis, error) { panic("") }
func (p *Practice) Evidence(id string) (Evidence, error)                     { panic("") }
func (p *Practice) EvidenceFile(id string) ([]byte, error)                   { panic("") }
