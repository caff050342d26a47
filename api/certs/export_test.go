package certs

import "time"

// SetClock gives a pair another clock.
func (p *Pair) SetClock(now func() time.Time) { p.now = now }
