//go:build !unix

package agent

import "os"

// lock marks the store; on this system nothing keeps a second agent off.
func lock(path string) (*os.File, error) {
	return os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, secretMode)
}
