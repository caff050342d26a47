package agent

// Discard deletes the store as a registration anew does.
func (a *Agent) Discard() error { return a.discard() }
