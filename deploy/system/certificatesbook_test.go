package system_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/deploy/internal/runbook"
)

// The commands of the page about certificates work as they stand there, on a public cloud
// that serves.
func TestCertificatesRunbook(t *testing.T) {
	heavy(t)
	t.Parallel()
	b := newBinaries(t)
	b.build("publiccloud")
	conf := filepath.Join(b.dir, "conf")
	ok(t, os.Mkdir(conf, 0o700))
	pair := certtest.New(t, conf, "tls")
	pair.Renew(time.Now().Add(-time.Hour), time.Now().AddDate(0, 3, 0))
	ok(t, os.WriteFile(filepath.Join(conf, "peers.json"), []byte(`{"peers":[]}`), 0o600))
	cloud := run(t, exec.Command(b.path("publiccloud"), "--dev", "--listen="+host(b.at.Cloud), "--keys="+b.path("cloud.keys"), "--init-keys", "--passphrase-file="+b.path("passphrase"),
		"--mongo-uri="+b.at.Mongo, "--redis-addrs="+b.at.Redis, "--authority="+b.at.Authority, "--authority-jwks="+b.path("authority.jwks"), "--operators=operators",
		"--operators-jwks="+b.path("operators.jwks"), "--tls-cert="+pair.Cert, "--tls-key="+pair.Key, "--peers="+filepath.Join(conf, "peers.json")))
	cloud.await(30*time.Second, "the public cloud", func() bool {
		c, err := net.Dial("tcp", host(b.at.Cloud))
		return err == nil && c.Close() == nil
	})
	runbook.Test(t, "../doc/certificates.md", runbook.Options{Least: 12, Env: []string{"CONF=" + conf, "CLOUD=https://" + host(b.at.Cloud), "PUBLICCLOUD_PID=" + strconv.Itoa(cloud.cmd.Process.Pid)}})
}
