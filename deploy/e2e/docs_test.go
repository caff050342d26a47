package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"medunion/deploy/e2e/browser"
)

// mostOpened bounds how many operations of a page are opened: each takes the browser a second.
const mostOpened = 12

// A person who writes a client reads a service's document in its page: every operation is
// there, and opened it shows an example. The tab itself watches for what the page's policy
// blocks, for errors of its scripts, and for requests to anybody else.
func TestDocumentsAreShown(t *testing.T) {
	w := sharedWorld(t)
	if _, _, err := w.StartPatient(t.Context(), "reader"); err != nil {
		t.Fatal(err)
	}
	agent, err := w.API("reader")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, url, heading, operation, example string }{
		{"public-cloud", w.Cloud, "Public cloud", "operations-protocol-search", `"message": "A21zZwACAAAA`},
		{"hospital", w.Hospitals[0].URL, "Hospital private cloud, protocol", "operations-visit-openSession", `"message": "A21zZwACAAAA`},
		{"patient-agent", agent.URL, "Patient agent", "operations-control-listReleases", `"hospital-1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := chromium.Person(t, c.name)
			tab.Appearance(browser.Workstation.Width, browser.Workstation.Height, false)
			tab.Open(c.url + "/docs")
			tab.Reads(c.heading)
			want := operationsOf(t, c.url+"/openapi.json")
			var shown int
			tab.Until("every operation", func() bool {
				tab.Eval(`document.querySelectorAll('.opblock').length`, &shown)
				return shown >= want
			})
			if shown != want || want < 5 {
				t.Errorf("%d operations are shown, the document has %d", shown, want)
			}
			tab.Shot("docs-" + c.name)
			opened := min(want, mostOpened)
			tab.Eval(fmt.Sprintf(`document.getElementById('%s').querySelector('.opblock-summary-control').click();
[...document.querySelectorAll('.opblock:not(.is-open) .opblock-summary-control')].slice(0, %d).forEach((b) => b.click())`, c.operation, opened), nil)
			tab.Until("operations to be open", func() bool {
				tab.Eval(`document.querySelectorAll('.opblock.is-open').length`, &shown)
				return shown >= opened
			})
			tab.Reads(c.example)
			var inputs int
			tab.Eval(`document.querySelectorAll('input:enabled, textarea:enabled').length`, &inputs)
			if inputs > 0 || tab.Has("button", "Authorize") {
				t.Error("the page takes input: somebody will type a token into it")
			}
			tab.Eval(`document.getElementById('`+c.operation+`').scrollIntoView()`, nil)
			tab.Shot("docs-" + c.name + "-open")
		})
	}
}

// operationsOf counts the operations of a document as it is served.
func operationsOf(t *testing.T, url string) (n int) {
	t.Helper()
	a, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	var spec struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.NewDecoder(a.Body).Decode(&spec); err != nil {
		t.Fatal(err)
	}
	for _, item := range spec.Paths {
		for _, method := range []string{"get", "put", "post", "delete"} {
			if item[method] != nil {
				n++
			}
		}
	}
	return n
}
