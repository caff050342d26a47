package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"medunion/api/message"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/view"
)

func day(t time.Time) string   { return t.Local().Format(time.DateOnly) }
func clock(t time.Time) string { return t.Local().Format(time.DateTime) }

// plain makes text from elsewhere safe for a terminal: what does not show as it is
// could move the cursor or hide letters.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

func join(codes []message.Code) string {
	if len(codes) == 0 {
		return "nothing"
	}
	return strings.Join(view.Each(codes, func(c message.Code) string { return string(c) }), ", ")
}

func hexOf(h message.Hash) string { return hex.EncodeToString(h[:]) }

func showHospitals(list agent.Hospitals) {
	for _, h := range list.Hospitals {
		state := "not enrolled"
		if h.Enrolled {
			state = "enrolled"
		}
		fmt.Printf("%s (%s), %s\n", h.ID, state, plain(h.Address))
		for _, x := range h.Holdings {
			fmt.Printf("    %-12s %s%s\n", x.Department, join(x.Classes), between(x.First, x.Last))
		}
	}
	if list.Ignored > 0 {
		fmt.Fprintf(os.Stderr, "WARNING: %d index entries under your departments are of no hospital of yours and were ignored.\n", list.Ignored)
	}
}

func between(first, last message.Millis) string {
	if first == 0 {
		return ""
	}
	return "  " + day(first.Time()) + " to " + day(last.Time())
}

func showCard(c agent.Card) {
	affiliation := "none"
	if c.Affiliation != "" {
		affiliation = string(c.Affiliation)
	}
	fmt.Printf("%s, licence %s\n    departments: %s\n    hospital: %s\n    verified: certificate by %s, valid until %s\n    through %s\n",
		plain(c.Name), plain(c.Licence), join(c.Departments), affiliation, plain(c.Authority), day(c.Until), plain(c.Portal))
}

func showDiagnosis(d agent.Diagnosis) {
	fmt.Printf("%s  %s, licence %s\n", clock(d.Time), plain(d.Doctor), plain(d.Licence))
	for _, s := range d.StoredAt {
		fmt.Printf("    in the record at %s, number %d\n", s.Hospital, s.Record)
	}
	if !d.ConsentKnown {
		fmt.Printf("    WARNING: under a consent that you did not give to this doctor\n")
	}
	fmt.Printf("    %s\n", plain(string(d.Content)))
}

func showConsents(list []agent.Consent) {
	for _, c := range list {
		fmt.Printf("%s  %s (%s), %s, until %s, revoked: %s\n", hexOf(c.Hash)[:16], plain(c.Doctor), c.Department, c.Purpose, clock(c.Expires), c.Revoked)
		for _, g := range c.Grants {
			fmt.Printf("    %s may release %s of %s\n", g.Hospital, join(g.Classes), join(g.Departments))
		}
		if c.WriteTo != "" {
			fmt.Printf("    the diagnosis may be written at %s\n", c.WriteTo)
		}
	}
}

func showUses(c agent.Consent, uses []message.Use) {
	for _, u := range uses {
		mode := "read"
		if u.Mode == message.ModeWrite {
			mode = "write"
		}
		fmt.Printf("%s  %s\n", clock(u.Time.Time()), mode)
	}
	fmt.Printf("%d searches; %d for reading are allowed.\n", len(uses), c.MaxUses)
}

func showReleases(r agent.Releases) {
	for _, h := range r.Hospitals {
		fmt.Println(h.Hospital)
		for _, x := range h.Releases {
			fmt.Printf("  %4d  %s  %s (%s), %s: %d resources, %s of %s\n", x.Number, clock(x.Time.Time()), plain(x.Name), x.Department,
				x.Purpose, x.Resources, join(x.Classes), join(x.Departments))
		}
		for _, w := range h.Warnings {
			fmt.Fprintf(os.Stderr, "!!! %s: %s\n", h.Hospital, w.Says)
		}
	}
}

func showRevocation(r agent.Revocation) {
	for _, x := range r.Results {
		mark := "revoked     "
		if !x.Revoked {
			mark = "NOT REVOKED "
		}
		fmt.Printf("%s %s: %s\n", mark, x.At, x.Says)
	}
	fmt.Println(r.Says())
}
