package command

import (
	"errors"
	"fmt"
)

// Migration are the flags of the command that brings a database to the program's schema.
type Migration struct {
	DryRun bool `help:"Say what would be done, and do nothing."`
	Shard  bool `help:"Also spread the large collections over the shards; the URI is that of a mongos."`
}

// Say prints what was done. It ends with 3 if there was nothing to do.
func (Migration) Say(done []string, err error) error {
	for _, what := range done {
		fmt.Println(what)
	}
	if err == nil && len(done) == 0 {
		return Exit{Nothing, errors.New("the database has this program's schema")}
	}
	return err
}
