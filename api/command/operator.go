package command

import (
	"fmt"
	"os"
	"os/user"
)

// Operator is who runs the process, as the system names him.
func Operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint("uid ", os.Getuid())
}
