package settings

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"medunion/api/secretfile"
)

// configFlag names the file; each configuration has it.
const configFlag = "config"

// maxFile is more than a configuration needs.
const maxFile = 1 << 20

var errUnreadable = errors.New("it cannot be read")

// Sources is where the values of a configuration come from. Its Option makes kong read the
// file; a command's Run may then ask for the *Sources, as Actions.Do does.
type Sources struct {
	path   string
	values map[string]string // of the file, by key
}

// Option is what a program gives to kong.
func Option() kong.Option {
	s := &Sources{}
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, o := range []kong.Option{kong.WithBeforeResolve(s.load), kong.Resolvers(s), kong.Bind(s)} {
			if err := o.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// load reads the file that the flag or the variable names, if one does.
func (s *Sources) load(c *kong.Context) error {
	for _, f := range c.Flags() {
		if f.Name == configFlag {
			s.path, _ = c.FlagValue(f).(string)
		}
	}
	if s.path == "" {
		return nil
	}
	err := s.read(known(c.Model))
	if err != nil {
		return fmt.Errorf("--%s: %s: %w", configFlag, s.path, err)
	}
	return nil
}

// known are the settings that a file may hold: the flags of the program and of its default
// command that have a variable. Commands beside it share the file, each for its part.
func known(app *kong.Application) map[string]*kong.Flag {
	flags := slices.Clone(app.Flags)
	if app.DefaultCmd != nil {
		flags = append(flags, app.DefaultCmd.Flags...)
	}
	out := map[string]*kong.Flag{}
	for _, f := range flags {
		if len(f.Envs) > 0 && f.Name != configFlag {
			out[f.Name] = f
		}
	}
	return out
}

func (s *Sources) read(flags map[string]*kong.Flag) error {
	b, err := readBounded(s.path)
	if err != nil {
		return err
	}
	if s.values, err = parse(b); err != nil {
		return err
	}
	var unknown, secret []string
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		switch f := flags[key]; {
		case f == nil:
			unknown = append(unknown, key)
		case holdsSecret(f, s.values[key]):
			secret = append(secret, key)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("no such setting: %s", strings.Join(unknown, ", "))
	}
	if _, err := secretfile.Read(s.path); len(secret) > 0 && errors.Is(err, secretfile.ErrMode) {
		return fmt.Errorf("it holds a secret (%s), so its mode must be 0600", strings.Join(secret, ", "))
	}
	return nil
}

// readBounded reads a file that nobody else may write: who writes it decides which keys
// and peers the service believes.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, errUnreadable
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, errors.New("it is no file of settings")
	case info.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("others can write it (mode %04o)", info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errUnreadable
	}
	return b, nil
}

// Resolve implements kong.Resolver: the file's value, unless the variable is set.
func (s *Sources) Resolve(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
	value, there := s.values[f.Name]
	if _, set := variable(f); set || !there || len(f.Envs) == 0 {
		return nil, nil
	}
	return value, nil
}

// Validate implements kong.Resolver.
func (s *Sources) Validate(*kong.Application) error { return nil }

// variable is the environment variable that sets a flag.
func variable(f *kong.Flag) (name string, set bool) {
	for _, name := range f.Envs {
		if _, set := os.LookupEnv(name); set {
			return name, true
		}
	}
	return "", false
}

// parse reads one YAML mapping of keys to values or to lists of values, and nothing
// cleverer. The text of a value is what a flag would be given; a list is the elements
// between commas. No error quotes a value.
func parse(b []byte) (map[string]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, errors.New("it is no YAML" + lineOf(err))
	}
	out := map[string]string{}
	if len(doc.Content) == 0 { // empty, or comments only
		return out, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("it must be lines of the form key: value")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if _, twice := out[key.Value]; twice {
			return nil, fmt.Errorf("line %d: %s stands there twice", key.Line, key.Value)
		}
		text, ok := textOf(value)
		if key.Kind != yaml.ScalarNode || !ok {
			return nil, fmt.Errorf("line %d: %s must be one value, or a list of values", key.Line, key.Value)
		}
		out[key.Value] = text
	}
	return out, nil
}

// lineOf keeps the place of a YAML error, and not what stands there.
func lineOf(err error) string {
	_, rest, found := strings.Cut(err.Error(), "line ")
	line, _, _ := strings.Cut(rest, ":")
	if !found || strings.Trim(line, "0123456789") != "" {
		return ""
	}
	return " from line " + line
}

func textOf(n *yaml.Node) (string, bool) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return n.Value, true
	case n.Kind == yaml.SequenceNode:
		var items []string
		for _, e := range n.Content {
			if e.Kind != yaml.ScalarNode || e.Tag == "!!null" {
				return "", false
			}
			items = append(items, e.Value)
		}
		return kong.JoinEscaped(items, ','), true
	}
	return "", false
}
