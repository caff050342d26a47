//go:build !unix

package secretfile

import "io/fs"

// handed is for systems whose root hands files to services.
func handed(fs.FileInfo) bool { return false }
