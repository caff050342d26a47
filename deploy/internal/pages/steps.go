package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	_ "embed"
)

// The folders, seen from the repository's root. The shared parts are a package that
// both pages use from its source. The last two are no page's.
const (
	shared      = "api/ui"
	doctorsWeb  = "doctor-portal/web"
	patientsWeb = "patient-agent/web"
	role        = "doctor-portal/wasm"
	postman     = "api/postman"
	documents   = "api/openapi"
)

// The WebAssembly and Go's loader for it lie where the page's own source imports them.
var (
	wasmFile   = filepath.Join(doctorsWeb, "src/bridge/practice.wasm")
	wasmLoader = filepath.Join(doctorsWeb, "src/bridge/wasm_exec.js")
)

// made are base names that are no source: they are not hashed as such.
var made = []string{"node_modules", "dist", filepath.Base(wasmFile), filepath.Base(wasmLoader)}

// installs are the npm packages of the pages, and those that no page needs: of what runs the
// Postman collections, and of the linter of the OpenAPI documents.
func installs() []step { return append(pagesInstalls(), install(postman), install(documents)) }

func pagesInstalls() []step {
	return []step{install(shared), install(doctorsWeb), install(patientsWeb)}
}

func builds() []step {
	return append(pagesInstalls(), wasm(), page("doctor's page", doctorsWeb, wasmFile, wasmLoader), page("patient's page", patientsWeb))
}

// install puts the packages of a lock file into node_modules.
func install(dir string) step {
	return step{
		name: "packages of " + dir, says: "installed the npm packages of " + dir,
		inputs: func(context.Context) (Hash, error) {
			return hashAll(filepath.Join(dir, "package.json"), filepath.Join(dir, "package-lock.json"), filepath.Join(shared, "package.json"))
		},
		outputs: []string{installed(dir)},
		run: func(ctx context.Context) error {
			// No package may run a program of its own while it is installed.
			return command(ctx, dir, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
		},
	}
}

// installed is npm's own list of what lies in node_modules.
func installed(dir string) string { return filepath.Join(dir, "node_modules", ".package-lock.json") }

// wasm compiles the doctor's role for the browser.
func wasm() step {
	return step{
		name: "WebAssembly", says: "built the doctor's role as WebAssembly",
		inputs: wasmInputs, outputs: []string{wasmFile, wasmLoader},
		run: func(ctx context.Context) error {
			to, err := filepath.Abs(wasmFile)
			if err != nil {
				return err
			}
			err = command(ctx, ".", wasmPlatform, "go", append(append([]string{"build"}, wasmFlags...), "-o", to, "./"+role)...)
			if err != nil {
				return err
			}
			return copyLoader(ctx)
		},
	}
}

const circl = "github.com/cloudflare/circl/"

var (
	wasmPlatform = []string{"GOOS=js", "GOARCH=wasm"}
	// No symbol table, no debugging data, no paths of this machine, and no commit: a file that
	// is kept must be that of a new build. Nothing is inlined but
	// where the cryptography spends its time, in the arithmetic, the hashes and the ciphers,
	// not in what calls them: an eighth less to load, at the same speed.
	wasmFlags = append([]string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-gcflags=all=-l"}, inlined("crypto/internal/...", "crypto/subtle", "math/bits",
		"internal/byteorder", "encoding/binary", "golang.org/x/crypto/...", "github.com/bwesterb/...", circl+"math/...", circl+"dh/x25519",
		circl+"pke/...", circl+"kem/...", circl+"simd/...", circl+"internal/...")...)
)

// inlined takes packages out of what -gcflags=all says.
func inlined(patterns ...string) []string {
	for i, p := range patterns {
		patterns[i] = "-gcflags=" + p + "="
	}
	return patterns
}

// wasmInputs are the source files of the module that the program links, the versions of
// all else, and the compiler.
func wasmInputs(ctx context.Context) (Hash, error) {
	const format = `{{if and .Module .Module.Main}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}
{{end}}{{end}}`
	list, err := output(ctx, wasmPlatform, "go", "list", "-deps", "-f", format, "./"+role)
	if err != nil {
		return "", err
	}
	version, err := output(ctx, nil, "go", "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	sources, err := hashAll(append(strings.Fields(list), "go.mod", "go.sum")...)
	return join(sources, Hash(version), Hash(strings.Join(wasmFlags, " "))), err
}

// copyLoader takes the loader of the compiler that built the program: they must fit.
func copyLoader(ctx context.Context) error {
	goroot, err := output(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(goroot), "lib/wasm/wasm_exec.js"))
	if err != nil {
		return err
	}
	return os.WriteFile(wasmLoader, b, 0o644)
}

//go:embed compress.mjs
var compress string

// page bundles a page, with what its build adds to it, and compresses what it serves.
func page(name, dir string, generated ...string) step {
	site := filepath.Join(dir, "dist", "site")
	return step{
		name: name, says: "built the " + name,
		inputs: func(context.Context) (Hash, error) {
			sources, err := hashTree(made, dir, shared)
			if err != nil {
				return "", err
			}
			rest, err := hashAll(append(generated, installed(dir), installed(shared))...)
			return join(sources, rest, Hash(compress)), err
		},
		outputs: []string{site},
		run: func(ctx context.Context) error {
			if err := os.RemoveAll(site); err != nil {
				return err
			}
			if err := command(ctx, dir, nil, "npm", "run", "--silent", "build"); err != nil {
				return err
			}
			return command(ctx, ".", nil, "node", "--input-type=module", "--eval", compress, site)
		},
	}
}

// command runs a program; what it says is shown only if it fails.
func command(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args[:min(2, len(args))], " "), err, said)
	}
	return nil
}

// output runs a program and returns what it writes to its standard output.
func output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w\n%s", name, args[0], err, exit.Stderr)
	}
	return string(out), err
}

// needNode says which Node.js is missing. Debian's own is too old.
func needNode(ctx context.Context) error {
	const want = "building the pages needs Node.js 20.19 or newer with npm (https://nodejs.org; Debian's package is too old)"
	text, err := output(ctx, nil, "node", "--print", "JSON.stringify(process.versions.node.split('.').map(Number))")
	if err != nil {
		return fmt.Errorf("%s; there is no node here", want)
	}
	var v [3]int
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return fmt.Errorf("%s; node here says %q", want, text)
	}
	if !enough(v[0], v[1]) {
		return fmt.Errorf("%s; here is %d.%d.%d", want, v[0], v[1], v[2])
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("%s; there is no npm here", want)
	}
	return nil
}

// enough follows the bundler's own demand: 20.19 of the series 20, else 22.12.
func enough(major, minor int) bool {
	switch major {
	case 20:
		return minor >= 19
	case 22:
		return minor >= 12
	}
	return major > 22
}
