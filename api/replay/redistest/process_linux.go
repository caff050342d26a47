package redistest

import (
	"os/exec"
	"syscall"
)

// endWithParent keeps a test that is killed from leaving servers behind.
func endWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
