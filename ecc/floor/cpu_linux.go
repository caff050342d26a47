package floor

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the time that this thread has been running: what else the machine does meanwhile
// does not count. The caller locks its thread first (runtime.LockOSThread).
func CPU() time.Duration {
	var t unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
	return time.Duration(t.Nano())
}
