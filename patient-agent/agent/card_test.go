package agent_test

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"medunion/api/problem"
	"medunion/patient-agent/internal/peers"
)

func TestCard(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	c, err := a.Card(ctx, u.link())
	u.ok(err)
	if c.Name != string(peers.DoctorID) || c.Licence != "L-1" || c.Affiliation != peers.AnnaID || c.Authority != "Medical Authority" ||
		c.Portal != u.portal || len(c.Departments) != 2 || c.Credential != u.d.C {
		t.Errorf("%+v", c)
	}
	other := u.w.NewDoctor("dr-else")
	_, err = a.Card(ctx, u.portal+"/visit#"+hex.EncodeToString(other.C[:]))
	kind(t, "the portal hands out another doctor", err, problem.KindRefused)
	u.do(func() { u.d.Certificate = other.Certificate })
	_, err = a.Card(ctx, u.link())
	kind(t, "another's certificate", err, problem.KindRefused)
}

// A code that leads to nobody, as one of an older card, is said to be that, and no failure of the app.
func TestOldCard(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if strings.HasSuffix(r.URL.Path, "/card") {
				return http.StatusNotFound
			}
			return 0
		}
	})
	_, err := a.Card(ctx, u.link())
	kind(t, "an older card", err, problem.KindNotFound)
	if code := problem.From(err).Code; code != "no-doctor" {
		t.Errorf("the page is told %q", code)
	}
}

func TestLinks(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	c := hex.EncodeToString(u.d.C[:])
	for _, link := range []string{u.link(), " " + u.link() + "\n"} {
		if _, err := a.Card(ctx, link); err != nil {
			t.Errorf("%s: %v", link, err)
		}
	}
	for _, link := range []string{"", "#" + c, u.portal, u.portal + "/#" + c, u.portal + "#" + c, u.portal + "/visit", u.portal + "/visit#" + c[:62], u.portal + "/visit#" + c + "00",
		u.portal + "/visit?x=1#" + c, u.portal + "/other#" + c, "http://portal.example/visit#" + c, "ftp://127.0.0.1/visit#" + c,
		strings.Replace(u.portal, "http://", "http://user:pass@", 1) + "/visit#" + c, "javascript:alert(1)#" + c} {
		_, err := a.Card(ctx, link)
		kind(t, link, err, problem.KindInvalid)
	}
}
