package browser

import (
	"context"

	"github.com/chromedp/cdproto/webauthn"
)

// Authenticator is a person's security device: of the platform, with resident keys, user
// verification and the extension for pseudo-random functions.
type Authenticator struct {
	tab *Tab
	id  webauthn.AuthenticatorID
}

// Authenticator gives the tab a device without any credential. Its user is verified when
// asked.
func (t *Tab) Authenticator() *Authenticator {
	t.tb.Helper()
	a := &Authenticator{tab: t}
	err := t.run(func(ctx context.Context) (err error) {
		if err = webauthn.Enable().Do(ctx); err != nil {
			return err
		}
		a.id, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2,
			Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, HasPrf: true, IsUserVerified: true, AutomaticPresenceSimulation: true}).Do(ctx)
		return err
	})
	if err != nil {
		t.tb.Fatalf("%s: authenticator: %v", t.name, err)
	}
	return a
}

// Credentials are those on the device.
func (a *Authenticator) Credentials() []*webauthn.Credential {
	a.tab.tb.Helper()
	var list []*webauthn.Credential
	err := a.tab.run(func(ctx context.Context) (err error) {
		list, err = webauthn.GetCredentials(a.id).Do(ctx)
		return err
	})
	if err != nil {
		a.tab.tb.Fatalf("%s: credentials: %v", a.tab.name, err)
	}
	return list
}

// Verifies sets whether the device recognizes its user. After some failures it is blocked
// for good, as real ones are.
func (a *Authenticator) Verifies(yes bool) {
	a.tab.tb.Helper()
	a.command("user verification", func(ctx context.Context) error { return webauthn.SetUserVerified(a.id, yes).Do(ctx) })
}

// Take removes every credential, as when the device at hand is another one.
func (a *Authenticator) Take() []*webauthn.Credential {
	a.tab.tb.Helper()
	list := a.Credentials()
	a.command("taking the credentials", func(ctx context.Context) error { return webauthn.ClearCredentials(a.id).Do(ctx) })
	return list
}

// Give puts credentials onto the device. They sign as before; what their extension for
// pseudo-random functions gives is new.
func (a *Authenticator) Give(list []*webauthn.Credential) {
	a.tab.tb.Helper()
	for _, c := range list {
		a.command("giving a credential", func(ctx context.Context) error { return webauthn.AddCredential(a.id, c).Do(ctx) })
	}
}

func (a *Authenticator) command(what string, f func(context.Context) error) {
	a.tab.tb.Helper()
	if err := a.tab.run(f); err != nil {
		a.tab.tb.Fatalf("%s: %s: %v", a.tab.name, what, err)
	}
}
