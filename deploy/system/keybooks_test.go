package system_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/keyprovider/transittest"
	"medunion/api/message"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/deploy/internal/runbook"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// keyBooks is a running suite, and the programs and variables of its operators.
func keyBooks(t *testing.T) (s *suite.Suite, env []string) {
	heavy(t)
	dir := t.TempDir()
	s = must(suite.Start(t.Context(), suite.Options{Dir: dir, Suite: ecc.SuiteX25519, Hospitals: 1, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(func() { _ = s.Close() })
	data := t.TempDir()
	token := filepath.Join(data, "operator-token")
	ok(t, os.WriteFile(token, []byte(must(s.OperatorToken())+"\n"), 0o600))
	pins, _ := s.Files()
	return s, []string{runbook.Programs(t, "publiccloud", "doctor-portal"), "DATA=" + data,
		"PUBLICCLOUD_KEYS=" + filepath.Join(dir, "keys", "publiccloud"), "PUBLICCLOUD_PASSPHRASE_FILE=" + filepath.Join(dir, "keys", "publiccloud.passphrase"),
		"PUBLICCLOUD_MONGO_URI=" + s.Mongo, "PUBLICCLOUD_DATABASE=publiccloud", "PORTAL_SESSION_KEY=" + filepath.Join(dir, "keys", "portal"),
		"PUBLICCLOUD_CLOUD=" + s.Cloud, "PUBLICCLOUD_PINS=" + pins, "PUBLICCLOUD_OPERATOR_TOKEN=" + token}
}

func hexed(h message.Hash) string { return hex.EncodeToString(h[:]) }

// TestRotateKeysRunbook: the commands of the page work as they stand there beside services
// that run, with Vault's own engine for its part.
func TestRotateKeysRunbook(t *testing.T) {
	t.Parallel()
	s, env := keyBooks(t)
	v := transittest.Start(t)
	dir := t.TempDir()
	for name, content := range map[string]string{"root": v.Root, "service": v.Token("1h")} {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	env = append(env, "VAULT_ADDR="+v.Address, "VAULT_KEY="+v.Key, "VAULT_TOKEN_FILE="+filepath.Join(dir, "root"), "SERVICE_TOKEN_FILE="+filepath.Join(dir, "service"))
	runbook.Test(t, "../doc/rotate-keys.md", runbook.Options{Env: env, Least: 14, Limit: 8 * time.Minute})
	res := must(http.Get(s.Cloud + "/readyz"))
	if res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Errorf("the public cloud is not ready after all: %d", res.StatusCode)
	}
}

// TestRevocationRunbooks: the commands of the three pages revoke whom they say.
func TestRevocationRunbooks(t *testing.T) {
	t.Parallel()
	s, env := keyBooks(t)
	d := must(s.StartDoctor(t.Context(), suite.DoctorProfile{ID: "dr-lost", Name: "Dr. Lost", Departments: []message.Code{"SURGERY"}}))
	_, _, err := s.StartPatient(t.Context(), "lost")
	ok(t, err)
	patient := patientInLog(t, s)
	directory := must(message.OpenDirectory(signedAt(t, s.Cloud+"/v1/directory"), s.Pins(), message.MillisOf(time.Now())))
	env = append(env, "DOCTOR="+*d.Doctor().Credential, "HOSPITAL="+hexed(directory.Hospitals[0].Hash()), "PATIENT="+patient)
	for page, least := range map[string]int{"compromised-doctor-key.md": 4, "lost-device.md": 2, "compromised-hospital.md": 3} {
		runbook.Test(t, "../doc/"+page, runbook.Options{Env: env, Least: least})
	}
	list := must(message.OpenRevocations(signedAt(t, s.Cloud+"/v1/revocations"), s.Pins(), message.MillisOf(time.Now())))
	for _, c := range []string{*d.Doctor().Credential, hexed(directory.Hospitals[0].Hash()), patient} {
		if b, err := hex.DecodeString(strings.TrimSpace(c)); err != nil || !list.Contains(message.Hash(b)) {
			t.Errorf("%s is not revoked: %v", c, err)
		}
	}
}

// patientInLog is the credential of the last patient in the registration log.
func patientInLog(t *testing.T, s *suite.Suite) (c string) {
	t.Helper()
	api := must(openapi.NewClientWithResponses(s.Cloud))
	page := must(api.GetLogWithResponse(t.Context(), nil))
	for _, line := range page.JSON200.Entries {
		if line.Role == "P" {
			c = line.Credential
		}
	}
	if c == "" {
		t.Fatal("no patient is in the log")
	}
	return c
}

// signedAt is a signed statement that the public cloud publishes.
func signedAt(t *testing.T, url string) message.Signed {
	t.Helper()
	res := must(http.Get(url))
	defer res.Body.Close()
	var b openapi.Signed
	ok(t, json.NewDecoder(res.Body).Decode(&b))
	return must(message.DecodeSigned(must(base64.RawURLEncoding.DecodeString(b.Signed))))
}
