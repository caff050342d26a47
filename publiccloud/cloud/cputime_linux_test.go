package cloud_test

import (
	"syscall"
	"time"
)

// cpuTime is what this thread has computed so far. Other processes on the machine
// do not enter it, as they would a wall clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
