package packaging

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/token"
	"medunion/deploy/internal/freeport"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	"medunion/ecc"
	publiccloud "medunion/publiccloud/server"
)

func dockerfile(name string) string {
	return filepath.Join(root, "deploy", "images", name+".Dockerfile")
}

// instructions are the lines of a Dockerfile without comments, continued lines joined.
func instructions(t testing.TB, path string) (out []string) {
	t.Helper()
	text := strings.ReplaceAll(string(must(os.ReadFile(path))(t)), "\\\n", " ")
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// An image starts from nothing, holds one file that nobody can change, and runs it as a
// user without rights; what it exposes is what the chart's pod serves.
func TestDockerfiles(t *testing.T) {
	for _, name := range services {
		lines := instructions(t, dockerfile(name))
		has := func(want string) bool {
			for _, l := range lines {
				if l == want {
					return true
				}
			}
			return false
		}
		for _, want := range []string{"FROM scratch", "USER 65532:65532", "STOPSIGNAL SIGTERM", fmt.Sprintf(`ENTRYPOINT ["/usr/bin/%s"]`, name), `CMD ["serve"]`,
			fmt.Sprintf("COPY --chmod=0555 %s-linux-${TARGETARCH} /usr/bin/%s", name, name)} {
			if !has(want) {
				t.Errorf("%s has no %s", name, want)
			}
		}
		if lines[0] != "FROM scratch" {
			t.Errorf("%s starts from %s", name, lines[0])
		}
		for _, l := range lines {
			if word, _, _ := strings.Cut(l, " "); word == "RUN" || word == "ADD" || word == "VOLUME" || word == "ENV" {
				t.Errorf("%s: %s", name, l)
			}
		}
		served := map[string]bool{}
		for _, c := range list(pods(objects(t, render(t, name, "production")))[0].at("spec", "containers")) {
			for _, p := range list(c["ports"]) {
				served[fmt.Sprint(p["containerPort"])] = true
			}
		}
		exposed := map[string]bool{}
		for _, l := range lines {
			if ports, ok := strings.CutPrefix(l, "EXPOSE "); ok {
				for _, p := range strings.Fields(ports) {
					exposed[p] = true
				}
			}
		}
		if !reflect.DeepEqual(served, exposed) {
			t.Errorf("%s exposes %v, the chart serves %v", name, exposed, served)
		}
	}
}

// The image of the public cloud, as buildah makes it, runs under a user without rights, on
// a root that cannot be written, without privileges to gain: it serves, its own command
// finds it healthy, and it ends cleanly when it is told to.
func TestImageRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make another root folder")
	}
	for _, need := range []string{"buildah", "unshare", "setpriv", "chroot"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("there is no %s here", need)
		}
	}
	release := t.TempDir()
	build := command(t, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(release, "publiccloud-linux-"+runtime.GOARCH), "medunion/publiccloud")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := run(t, build); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	i := buildImage(t, "publiccloud", release)
	i.inspect(t)
	i.serve(t)
}

// image is one in a store of the test's own.
type image struct {
	store string
	root  string // its file system, mounted or copied
}

func (i image) buildah(t testing.TB, args ...string) string {
	t.Helper()
	cmd := command(t, "buildah", append([]string{"--root", filepath.Join(i.store, "root"), "--runroot", filepath.Join(i.store, "run"), "--storage-driver", "vfs"}, args...)...)
	out, err := run(t, cmd)
	if err != nil {
		t.Fatalf("buildah %s: %v\n%s", args[0], err, out)
	}
	return strings.TrimSpace(out)
}

func buildImage(t *testing.T, name, context string) image {
	i := image{store: t.TempDir()}
	i.buildah(t, "bud", "--isolation", "chroot", "--file", must(filepath.Abs(dockerfile(name)))(t), "--build-arg", "TARGETARCH="+runtime.GOARCH,
		"--build-arg", "VERSION=v9.9.9", "--build-arg", "COMMIT=0123", "--tag", "medunion-test", context)
	container := i.buildah(t, "from", "medunion-test")
	i.root = i.buildah(t, "mount", container)
	t.Cleanup(func() {
		cmd := exec.Command("buildah", "--root", filepath.Join(i.store, "root"), "--runroot", filepath.Join(i.store, "run"), "--storage-driver", "vfs", "rm", container)
		_ = cmd.Run()
	})
	return i
}

// inspect looks at what the image says of itself, and that one file is all it holds.
func (i image) inspect(t *testing.T) {
	t.Helper()
	var got struct {
		OCIv1 struct {
			Config struct {
				User, StopSignal string
				Entrypoint, Cmd  []string
				ExposedPorts     map[string]any
				Labels           map[string]string
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(i.buildah(t, "inspect", "--type", "image", "medunion-test")), &got); err != nil {
		t.Fatal(err)
	}
	c := got.OCIv1.Config
	if c.User != "65532:65532" || c.StopSignal != "SIGTERM" || !reflect.DeepEqual(c.Entrypoint, []string{"/usr/bin/publiccloud"}) || len(c.ExposedPorts) != 2 ||
		c.Labels["org.opencontainers.image.version"] != "v9.9.9" || c.Labels["org.opencontainers.image.revision"] != "0123" {
		t.Errorf("the image says %+v", c)
	}
	var files []string
	_ = filepath.Walk(i.root, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			files = append(files, strings.TrimPrefix(path, i.root)+" "+info.Mode().String())
		}
		return nil
	})
	if !reflect.DeepEqual(files, []string{"/usr/bin/publiccloud -r-xr-xr-x"}) {
		t.Errorf("the image holds %q", files)
	}
}

// inside is a command in a mount namespace of its own whose root is the image, read-only,
// with the folder /run/secrets beside it: as user 65532, without capabilities (the three that chroot itself needs
// stay in the bound, out of reach without new privileges).
func (i image) inside(t testing.TB, secrets string, args ...string) *exec.Cmd {
	t.Helper()
	const script = `set -eu
root=$1 secrets=$2
shift 2
mount --bind "$root" "$root"
mkdir -p "$root/run/secrets"
mount --bind "$secrets" "$root/run/secrets"
mount -o remount,bind,ro "$root/run/secrets"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid chroot --userspec=65532:65532 --groups=65532 "$root" "$@"`
	return command(t, "unshare", append([]string{"--mount", "--propagation", "private", "bash", "-c", script, "inside", i.root, secrets}, args...)...)
}

func (i image) serve(t *testing.T) {
	t.Helper()
	dir, settings := stores(t)
	listen := freeport.For(t)
	log := must(os.Create(filepath.Join(t.TempDir(), "log")))(t)
	t.Cleanup(func() { _ = log.Close() })
	cmd := i.inside(t, dir, append([]string{"/usr/bin/publiccloud", "serve", "--listen=" + listen}, settings...)...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	awaitReady(t, "http://"+listen+"/readyz", ended, log.Name())
	i.bounded(t, cmd.Process.Pid)
	if out, err := run(t, i.inside(t, dir, "/usr/bin/publiccloud", "health", "--ready", "http://"+listen)); err != nil {
		t.Errorf("its own command does not find it healthy: %v\n%s", err, out)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v\n%s", err, must(os.ReadFile(log.Name()))(t))
	}
}

// awaitReady waits until the service answers 200; one that ends before fails the test.
func awaitReady(t *testing.T, url string, ended <-chan error, log string) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); time.Now().Before(limit); {
		if r, err := http.Get(url); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, must(os.ReadFile(log))(t))
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("it does not get ready:\n%s", must(os.ReadFile(log))(t))
}

// bounded holds what the kernel says of the process against what was asked for.
func (i image) bounded(t *testing.T, pid int) {
	t.Helper()
	status := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)))(t))
	for _, line := range []string{"Uid:\t65532\t65532\t65532\t65532\n", "Gid:\t65532\t65532\t65532\t65532\n", "NoNewPrivs:\t1\n",
		"CapEff:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapBnd:\t00000000000400c0\n"} {
		if !strings.Contains(status, line) {
			t.Errorf("the process has not %q:\n%s", line, status)
		}
	}
	mounts := string(must(os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid)))(t))
	readonly := 0
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if !strings.HasPrefix(f[5], "ro") && (f[4] == "/" || strings.HasPrefix(f[4], "/run/secrets")) {
			t.Errorf("writable: %s", line)
		}
		readonly++
	}
	if readonly < 2 {
		t.Errorf("mounts:\n%s", mounts)
	}
}

// stores starts MongoDB and Redis, and returns the folder of the public cloud's files, as
// it is mounted at /run/secrets, and the settings that name them. The files are root's, for
// the group 65532 to read: so a cluster hands them over.
func stores(t *testing.T) (dir string, settings []string) {
	t.Helper()
	m := must(embedmongo.Start(embedmongo.Options{Dir: filepath.Join(t.TempDir(), "mongo")}))(t)
	t.Cleanup(func() { _ = m.Close() })
	r := must(embedredis.Start(embedredis.Options{}))(t)
	t.Cleanup(func() { _ = r.Close() })
	dir = t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	issuer := must(token.NewIssuer(token.Access, "operators", must(ecc.GenerateSigningKey(rand.Reader))(t), rand.Reader))(t)
	a := must(authority.New(authority.Config{Logger: slog.New(slog.DiscardHandler), Departments: message.DefaultDepartments}))(t)
	hand(t, filepath.Join(dir, "operators.jwks"), must(issuer.JWKS())(t))
	hand(t, filepath.Join(dir, "authority.jwks"), a.JWKS())
	hand(t, filepath.Join(dir, "passphrase"), []byte(rand.Text()))
	makeKeys(t, dir, m.URI(), r.Addr())
	at := func(name string) string { return "/run/secrets/" + name }
	settings = []string{"--dev", "--keys=" + at("keys"), "--passphrase-file=" + at("passphrase"), "--mongo-uri=" + m.URI(), "--redis-addrs=" + r.Addr(),
		"--authority=" + authority.DefaultName, "--authority-jwks=" + at("authority.jwks"), "--operators=operators", "--operators-jwks=" + at("operators.jwks")}
	return dir, settings
}

// makeKeys makes the key file as an administrator does, before there are instances that
// only read it.
func makeKeys(t *testing.T, dir, mongo, redis string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(dir, name) }
	own := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(own, must(os.ReadFile(at("passphrase")))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	i := must(publiccloud.Start(t.Context(), publiccloud.Config{Dev: true, Listen: "127.0.0.1:0", Keys: at("keys"), InitKeys: true, PassphraseFile: own,
		MongoURI: mongo, RedisAddrs: []string{redis}, Authority: authority.DefaultName, AuthorityFile: at("authority.jwks"),
		Operators: "operators", OperatorsFile: at("operators.jwks"), Logger: slog.New(slog.DiscardHandler)}))(t)
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(at("keys"), 0o440); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(at("keys"), 0, 65532); err != nil {
		t.Fatal(err)
	}
}

func hand(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o440); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 0, 65532); err != nil {
		t.Fatal(err)
	}
}
