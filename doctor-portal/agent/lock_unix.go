//go:build unix

package agent

import (
	"fmt"
	"os"
	"syscall"
)

// lock keeps a second agent off the same store: each would overwrite what the
// other has seen. The lock ends with the process, however it ends.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, secretMode)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the key store is in use by another agent")
	}
	return f, nil
}
