package system_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/deploy/internal/runbook"
)

// books is a hospital of its own binary, with records, for the pages of deploy/doc.
type books struct {
	*binaries
	env []string
}

const bookMRN = "book-4711"

func newBooks(t *testing.T) books {
	heavy(t)
	b := newBinaries(t)
	b.build("publiccloud")
	b.build("privatecloud")
	v, _ := b.start()
	t.Cleanup(v.kill9)
	h := b.at.Hospitals[0]
	for _, mrn := range []string{bookMRN, "book-2", "book-3"} {
		bundle := `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"` + mrn +
			`","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"` + mrn + `"}]}}]}`
		a, err := call(t.Context(), http.MethodPost, h.Admin+"/fhir/bundles", h.Token, "application/fhir+json", []byte(bundle))
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("import: %v %d %s", err, a.status, a.body)
		}
	}
	data := filepath.Join(b.dir, "data")
	receipts := filepath.Join(b.dir, "receipts")
	cloudData := filepath.Join(b.dir, "cloud-data")
	ok(t, os.Mkdir(data, 0o700))
	ok(t, os.Mkdir(cloudData, 0o700))
	ok(t, os.Mkdir(receipts, 0o700))
	b.file("mrn", []byte(bookMRN+"\n"))
	return books{b, []string{"RECEIPTS=" + receipts, "PATH=" + b.dir + ":" + os.Getenv("PATH"), "DATA=" + data, "MRN_FILE=" + b.path("mrn"), "ADMIN=" + h.Admin, "ADMIN_TOKEN=" + h.Token,
		"PUBLICCLOUD_CLOUD=" + b.at.Cloud, "PUBLICCLOUD_PINS=" + b.path("pins"), "PUBLICCLOUD_OPERATOR_TOKEN=" + b.path("operator.token"), "PUBLICCLOUD_DEV=true", "PUBLICCLOUD_KEYS=" + b.path("cloud.keys"), "PUBLICCLOUD_PASSPHRASE_FILE=" + b.path("passphrase"), "PUBLICCLOUD_MONGO_URI=" + b.at.Mongo,
		"PUBLICCLOUD_AUTHORITY=" + b.at.Authority, "PUBLICCLOUD_AUTHORITY_JWKS=" + b.path("authority.jwks"), "PUBLICCLOUD_OPERATORS=operators",
		"PUBLICCLOUD_OPERATORS_JWKS=" + b.path("operators.jwks"), "CLOUD_DATA=" + cloudData,
		"PRIVATECLOUD_DEV=true", "PRIVATECLOUD_ID=" + string(h.ID), "PRIVATECLOUD_KEYS=" + b.path("hospital.keys"), "PRIVATECLOUD_PASSPHRASE_FILE=" + b.path("passphrase"),
		"PRIVATECLOUD_LISTEN=" + host(h.URL), "PRIVATECLOUD_ADMIN_LISTEN=" + host(h.Admin), "PRIVATECLOUD_CLOUD=" + b.at.Cloud, "PRIVATECLOUD_PINS=" + b.path("pins"),
		"PRIVATECLOUD_MONGO_URI=" + b.at.Mongo, "PRIVATECLOUD_REDIS_ADDRS=" + b.at.Redis, "PRIVATECLOUD_AUTHORITY=" + b.at.Authority,
		"PRIVATECLOUD_AUTHORITY_JWKS=" + b.path("authority.jwks"), "PRIVATECLOUD_OPERATORS=operators", "PRIVATECLOUD_OPERATORS_JWKS=" + b.path("operators.jwks")}}
}

func (b books) run(page string, least int) {
	b.t.Helper()
	runbook.Test(b.t, "../doc/"+page, runbook.Options{Env: b.env, Least: least})
}

// The commands of the pages for a hospital's records work as they stand there, beside a
// hospital that serves.
func TestHospitalRunbooks(t *testing.T) {
	t.Parallel()
	b := newBooks(t)
	b.run("audit-export.md", 6)
	b.run("audit-export-public-cloud.md", 5)
	b.run("erase-a-patient.md", 8)
	b.run("rotate-records-key.md", 6)
	b.run("renew-credentials.md", 8)
	for _, name := range []string{"data/all.ndjson", "data/one-patient.ndjson", "data/cursor", "data/follow.ndjson", "cloud-data/registrations.ndjson", "cloud-data/operations.ndjson"} {
		i, err := os.Stat(filepath.Join(b.dir, name))
		if err != nil || i.Mode().Perm() != 0o600 || i.Size() == 0 {
			t.Errorf("%s: %v %v", name, i, err)
		}
	}
	all, err := os.ReadFile(filepath.Join(b.dir, "data", "all.ndjson"))
	if err != nil || strings.Contains(string(all), bookMRN) {
		t.Errorf("a medical record number is in an export: %v", err)
	}
}
