package agent

import "medunion/patient-agent/internal/keystore"

// Discard deletes the store as a registration anew does.
func (a *Agent) Discard() error { return a.discard() }

// MayRenew reports whether a renewal may go on now.
func (a *Agent) MayRenew() bool { return a.open.mayRenew() }

// Store is a copy of what the open store holds.
func (a *Agent) Store() (c keystore.Content) {
	_ = a.open.store.View(func(v keystore.Content) error { c = v; return nil })
	return c
}
