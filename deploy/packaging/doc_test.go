package packaging

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"medunion/deploy/internal/runbook"
)

func page(name string) string { return filepath.Join(root, "deploy", "doc", name) }

// site is a folder with a site's values and certificate, and the variables of the pages.
func site(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "tls.key"), "a key")
	write(t, filepath.Join(dir, "tls.crt"), "a certificate")
	write(t, filepath.Join(dir, "operator.token"), "a token")
	helm := filepath.Dir(tool(t, "helm", "helm.sh/helm/v3/cmd/helm"))
	return dir, []string{"SITE=" + dir, "RELEASE=" + must(filepath.Abs(root))(t), "PATH=" + helm + ":" + os.Getenv("PATH")}
}

// The commands of the pages do what the pages say, short of a cluster, a daemon and an
// engine, which are not here.
func TestInstallKubernetes(t *testing.T) {
	_, env := site(t)
	runbook.Test(t, page("install-kubernetes.md"), runbook.Options{Env: env, Least: 4, Limit: 10 * time.Minute})
}

// bareMachine makes what the unit needs of a machine: systemd's own targets, and kill.
func bareMachine(t *testing.T, machine string) {
	t.Helper()
	for _, dir := range []string{"etc", "usr/bin", "bin", "usr/lib/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(machine, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sysinit", "basic", "shutdown", "network-online", "multi-user", "time-sync"} {
		write(t, filepath.Join(machine, "usr/lib/systemd/system", name+".target"), "[Unit]\nDescription="+name+"\n")
	}
	if err := os.WriteFile(filepath.Join(machine, "bin/kill"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestInstallSystemd(t *testing.T) {
	_, env := site(t)
	machine := filepath.Join(t.TempDir(), "machine")
	bareMachine(t, machine)
	if os.Geteuid() != 0 {
		t.Skip("only root installs units")
	}
	runbook.Test(t, page("install-systemd.md"), runbook.Options{Env: append(env, "ROOT="+machine, "BUILD="+release(t)), Least: 5, Limit: 10 * time.Minute})
	for _, secret := range []string{"privatecloud.passphrase", "privatecloud.tls.key"} {
		info, err := os.Stat(filepath.Join(machine, "etc/medunion/secrets", secret))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", secret, info.Mode(), err)
		}
	}
}

func TestInstallCompose(t *testing.T) {
	_, env := site(t)
	runbook.Test(t, page("install-compose.md"), runbook.Options{Env: append(env, "TRIAL="+filepath.Join(t.TempDir(), "trial"), "BUILD="+t.TempDir()), Least: 3, Limit: 10 * time.Minute})
}

func TestUpgrade(t *testing.T) {
	dir, env := site(t)
	values := "image: {digest: 'sha256:0000000000000000000000000000000000000000000000000000000000000002'}\nsecrets: {existingSecret: s}\ntls: {existingSecret: t}\n"
	write(t, filepath.Join(dir, "privatecloud.yaml"), values+string(must(os.ReadFile("testdata/site/privatecloud.yaml"))(t)))
	write(t, filepath.Join(dir, "rendered.yaml"), "")
	runbook.Test(t, page("upgrade.md"), runbook.Options{Env: append(env, "BUILD="+release(t)), Least: 4, Limit: 10 * time.Minute})
}
