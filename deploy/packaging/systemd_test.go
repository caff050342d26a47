package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exposure is the most that systemd may say against a unit, in tenths: 0 is nothing, 100
// everything. What stays is that a server has the machine's network and its folders, which
// is read-only.
const exposure = "15"

func analyze(t *testing.T, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	out, err := command(t, "systemd-analyze", args...).CombinedOutput()
	return string(out), err
}

// systemd itself finds nothing wrong in the units, with the programs in their place.
func TestSystemdVerify(t *testing.T) {
	for _, name := range services {
		dir := t.TempDir()
		program := filepath.Join(dir, name)
		if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		text := string(must(os.ReadFile(unit(name)))(t))
		path := filepath.Join(dir, "medunion-"+name+".service")
		write(t, path, strings.ReplaceAll(text, "/usr/bin/"+name, program))
		if out, err := analyze(t, "verify", "--man=no", path); err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		write(t, path, strings.Replace(text, "ProtectSystem=strict", "ProtectSytem=strict", 1))
		if out, _ := analyze(t, "verify", "--man=no", path); !strings.Contains(out, "ProtectSytem") {
			t.Errorf("a misspelt line is not noticed:\n%s", out)
		}
	}
}

// directives are a unit's lines in order.
func directives(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// allowed is what systemd makes of a unit and its drop-ins: lists add up, an empty value
// begins anew. systemd looks at what is allowed before what is denied.
func allowed(units ...string) (networks []string) {
	for _, u := range units {
		for _, line := range directives(u) {
			switch value, is := strings.CutPrefix(line, "IPAddressAllow="); {
			case is && value == "":
				networks = nil
			case is:
				networks = append(networks, value)
			}
		}
	}
	return networks
}

// The filter of addresses filters: a unit allows none by name, which would stand above all
// that is denied, and with a site's drop-in the site's networks are the only ones, whatever
// stood there before.
func TestAddressFilter(t *testing.T) {
	site := string(must(os.ReadFile(filepath.Join(root, "deploy", "systemd", "site.conf.example")))(t))
	if !slices.Contains(directives(site), "IPAddressDeny=any") {
		t.Error("the site denies nothing")
	}
	want := []string{"localhost", "10.20.0.0/24", "203.0.113.10"}
	if got := allowed("IPAddressAllow=any", site); !slices.Equal(got, want) {
		t.Errorf("with the site's lines %q are allowed", got)
	}
	for _, name := range services {
		text := string(must(os.ReadFile(unit(name)))(t))
		if got := allowed(text); got != nil || !slices.Contains(directives(text), "IPAddressDeny=link-local multicast") {
			t.Errorf("%s: %q are allowed, whatever is denied", name, got)
		}
	}
}

// A reload is signalled from outside of the sandbox, in which the service alone can be run:
// kill's libraries lie in what cannot be.
func TestReloadRuns(t *testing.T) {
	for _, name := range services {
		lines := directives(string(must(os.ReadFile(unit(name)))(t)))
		for _, line := range []string{"ExecReload=+/bin/kill -HUP $MAINPID", "NoExecPaths=/", "ExecPaths=/usr/bin/" + name} {
			if !slices.Contains(lines, line) {
				t.Errorf("%s has no line %s", name, line)
			}
		}
	}
}

// A service whose stores are away ends at its start within seconds. It is started again until
// they are back, however long that takes, and not given up: nobody is there at night to do it.
// The exit status does not end that either, since a crash of a Go program has that of a refusal.
func TestNeverGivenUp(t *testing.T) {
	for _, name := range services {
		lines := directives(string(must(os.ReadFile(unit(name)))(t)))
		for _, line := range []string{"StartLimitIntervalSec=0", "Restart=on-failure", "RestartSec=5s"} {
			if !slices.Contains(lines, line) {
				t.Errorf("%s has no line %s", name, line)
			}
		}
		if i := slices.IndexFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, "StartLimitBurst=") || strings.HasPrefix(l, "RestartPreventExitStatus=")
		}); i >= 0 {
			t.Errorf("%s is given up: %s", name, lines[i])
		}
	}
}

// What a taken-over service could do to its machine is bounded, by systemd's own measure.
func TestSystemdSecurity(t *testing.T) {
	for _, name := range services {
		path := must(filepath.Abs(unit(name)))(t)
		if out, err := analyze(t, "security", "--offline=true", "--no-pager", "--threshold="+exposure, path); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		bare := filepath.Join(t.TempDir(), "bare.service")
		write(t, bare, "[Service]\nExecStart=/bin/true\n")
		if _, err := analyze(t, "security", "--offline=true", "--no-pager", "--threshold="+exposure, bare); err == nil {
			t.Error("a unit without any of it passes")
		}
	}
}

// A unit hands secrets over as credentials, opens the ports that are written down and no
// other, and its user is the one that is made for it.
func TestUnits(t *testing.T) {
	users := string(must(os.ReadFile(filepath.Join(root, "deploy", "systemd", "medunion.sysusers.conf")))(t))
	for name, ports := range map[string][]string{"publiccloud": {"8080", "9090"}, "privatecloud": {"8081", "8084", "9091"}, "doctor-portal": {"8082", "9092"}} {
		text := string(must(os.ReadFile(unit(name)))(t))
		for _, line := range []string{"User=medunion-" + name, "LoadCredential=passphrase:", "LoadCredential=tls.key:", "ExecReload=", "SocketBindDeny=any",
			"StateDirectory=medunion/" + name, "ExecStart=/usr/bin/" + name + " serve\n"} {
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("%s has no %s", name, line)
			}
		}
		if !strings.Contains(users, "u medunion-"+name+" ") {
			t.Errorf("nobody makes the user of %s", name)
		}
		if n := strings.Count(text, "SocketBindAllow="); n != len(ports) {
			t.Errorf("%s binds %d ports", name, n)
		}
		for _, p := range ports {
			if !strings.Contains(text, "SocketBindAllow=tcp:"+p+"\n") {
				t.Errorf("%s does not bind %s", name, p)
			}
		}
	}
}
