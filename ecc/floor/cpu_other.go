//go:build !linux

package floor

import "time"

var begun = time.Now()

// CPU is the time that has passed: other systems do not tell a thread's own.
func CPU() time.Duration { return time.Since(begun) }
