package runbook

import (
	"encoding/json"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// The pages show answers with holes in them:
//
//   - … in a header or a string stands for any characters, and the string "…" for any value;
//   - "…" as the last element of a list stands for any further ones;
//   - a time stands for any time in UTC;
//   - headers and members that are not shown may be there.
const hole = "…"

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$`)

// compareHTTP says in what an answer, as `curl -i` prints it, is another than the one shown.
func compareHTTP(shown, got string) error {
	want, err := parse(shown)
	if err != nil {
		return fmt.Errorf("what is shown: %w", err)
	}
	is, err := parse(got)
	if err != nil {
		return err
	}
	if want.status != is.status {
		return fmt.Errorf("the status is %q, not %q", is.status, want.status)
	}
	for name, values := range want.header {
		if !slices.ContainsFunc(is.header[name], func(v string) bool { return fits(values[0], v) }) {
			return fmt.Errorf("the header %s is %q, not %q", name, is.header[name], values[0])
		}
	}
	if want.body == "" {
		return nil
	}
	return compareBody(want.body, is.body)
}

func compareBody(shown, got string) error {
	var want, is any
	if err := decode(shown, &want); err != nil {
		return fmt.Errorf("what is shown is no JSON: %w", err)
	}
	if err := decode(got, &is); err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	return compareValue("", want, is)
}

// decode keeps numbers as they are written.
func decode(text string, v *any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

func compareValue(at string, want, is any) error {
	switch w := want.(type) {
	case string:
		if s, text := is.(string); w != hole && (!text || !fits(w, s) && !(timeForm.MatchString(w) && timeForm.MatchString(s))) {
			return fmt.Errorf("%s is %v, not %q", at, is, w)
		}
	case map[string]any:
		object, ok := is.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is no object", at)
		}
		for name, value := range w {
			member, there := object[name]
			if !there {
				return fmt.Errorf("%s/%s is missing", at, name)
			}
			if err := compareValue(at+"/"+name, value, member); err != nil {
				return err
			}
		}
	case []any:
		return compareList(at, w, is)
	default:
		if want != is {
			return fmt.Errorf("%s is %v, not %v", at, is, want)
		}
	}
	return nil
}

func compareList(at string, want []any, is any) error {
	list, ok := is.([]any)
	open := len(want) > 0 && want[len(want)-1] == hole
	if open {
		want = want[:len(want)-1]
	}
	if !ok || len(list) < len(want) || len(list) > len(want) && !open {
		return fmt.Errorf("%s has %d elements, not %d", at, len(list), len(want))
	}
	for i, w := range want {
		if err := compareValue(fmt.Sprintf("%s/%d", at, i), w, list[i]); err != nil {
			return err
		}
	}
	return nil
}

// fits says whether a text is the one shown, with anything in its holes.
func fits(shown, text string) bool {
	var parts []string
	for _, p := range strings.Split(shown, hole) {
		parts = append(parts, regexp.QuoteMeta(p))
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(text)
}

// answer is one HTTP answer.
type answer struct {
	status string
	header textproto.MIMEHeader
	body   string
}

func parse(text string) (a answer, err error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	head, body, _ := strings.Cut(text, "\n\n")
	status, fields, _ := strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
	a = answer{status: status, body: strings.TrimSpace(body), header: textproto.MIMEHeader{}}
	if !strings.HasPrefix(status, "HTTP/") {
		return a, fmt.Errorf("%q is no status line", status)
	}
	for line := range strings.Lines(fields) {
		name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !found {
			return a, fmt.Errorf("%q is no header", line)
		}
		a.header.Add(name, value)
	}
	return a, nil
}
