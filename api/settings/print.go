package settings

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// Redacted stands in the place of a secret.
const Redacted = "[redacted]"

// print writes the configuration in effect as a file of settings, each value with its
// source behind it. Secrets are redacted: the file must be given them again.
func (s *Sources) print(w io.Writer, c *kong.Context) error {
	settings, root := known(c.Model), &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range c.Flags() {
		if settings[f.Name] == nil {
			continue
		}
		value := &yaml.Node{}
		if err := value.Encode(shown(f)); err != nil {
			return err
		}
		value.Style |= yaml.FlowStyle
		value.LineComment = s.source(c, f)
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.Name}, value)
	}
	if s.path != "" {
		root.HeadComment = "with the file " + s.path
	}
	b, err := yaml.Marshal(root)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// source is flag, variable NAME, file, or default.
func (s *Sources) source(c *kong.Context, f *kong.Flag) string {
	for _, p := range c.Path {
		if p.Flag == f && !p.Resolved {
			return "flag"
		}
	}
	if name, set := variable(f); set {
		return "variable " + name
	}
	if _, there := s.values[f.Name]; there {
		return "file"
	}
	return "default"
}

// shown is a flag's value for eyes that may not see secrets.
func shown(f *kong.Flag) any {
	switch v := f.Target.Interface().(type) {
	case string:
		return redact(f, v)
	case []string:
		out := make([]string, len(v))
		for i, e := range v {
			out[i] = redact(f, e)
		}
		return out
	case time.Duration:
		return v.String()
	case []uint8: // bytes to YAML, numbers to people
		out := make([]int, len(v))
		for i, e := range v {
			out[i] = int(e)
		}
		return out
	default:
		return v
	}
}

func redact(f *kong.Flag, value string) string {
	switch kind := f.Tag.Get("secret"); {
	case kind == "address":
		return redactAddress(value)
	case kind == "uri" && strings.Contains(value, "://"):
		return RedactURI(value)
	case kind != "" && value != "":
		return Redacted
	}
	return RedactURI(value)
}

// redactAddress hides what stands before the last @ of an address, in which nothing is to
// stand: who writes a URI into the place of an address writes its password too.
func redactAddress(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		return Redacted + text[i:]
	}
	return text
}

var (
	parameter       = regexp.MustCompile(`[^&;]+`) // the driver of MongoDB knows both separators
	secretParameter = regexp.MustCompile(`(?i)password|secret|token|properties`)
)

// RedactURI hides what a URI holds of secrets: all before its last @, and the values of
// parameters that are named after one. Other texts stay as they are.
func RedactURI(text string) string {
	scheme, rest, uri := strings.Cut(text, "://")
	if !uri {
		return text
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = Redacted + rest[i:]
	}
	address, query, _ := strings.Cut(rest, "?")
	return scheme + "://" + address + rest[len(address):len(rest)-len(query)] + redactQuery(query)
}

// redactQuery hides the values of secret parameters. What has no name, behind a separator
// that a value was not to have, belongs to the value before it.
func redactQuery(query string) string {
	hidden := false
	return parameter.ReplaceAllStringFunc(query, func(p string) string {
		name, value, named := strings.Cut(p, "=")
		if !named && hidden {
			return Redacted
		}
		plain, err := url.QueryUnescape(name)
		hidden = named && (err != nil || secretParameter.MatchString(plain))
		if hidden && value != "" {
			return name + "=" + Redacted
		}
		return p
	})
}

// holdsSecret says whether a value must not lie in a file that others can read.
func holdsSecret(f *kong.Flag, value string) bool { return redact(f, value) != value }

// Actions are what a program does with its configuration instead of serving. It is
// embedded in the command serve.
type Actions struct {
	CheckConfig bool `help:"Check the configuration and the files that it names, report all that is wrong, and end: with 0 if nothing is, else with 2. Nothing is opened to others, changed, or asked of another machine."`
	PrintConfig bool `help:"Print the configuration in effect, with the source of each value and without secrets, and end."`
}

// Do prints, checks, or serves.
func (a Actions) Do(c *kong.Context, s *Sources, check, serve func() error) error {
	if a.PrintConfig {
		if err := s.print(c.Stdout, c); err != nil {
			return err
		}
	}
	switch {
	case a.CheckConfig:
		if err := check(); err != nil {
			return err
		}
		if !a.PrintConfig {
			_, err := fmt.Fprintln(c.Stdout, "the configuration is good")
			return err
		}
		return nil
	case a.PrintConfig:
		return nil
	}
	defer keepThroughHangups()()
	return serve()
}

// keepThroughHangups keeps SIGHUP, which asks a service to read its files anew, from ending the
// program from its first moment to its last: what reads them listens only while it serves. A
// service manager takes that end for a wanted one and starts nothing again.
func keepThroughHangups() (stop func()) {
	hup := make(chan os.Signal, 1) // nobody reads it: signals that do not fit are dropped
	signal.Notify(hup, syscall.SIGHUP)
	return func() { signal.Stop(hup) }
}
