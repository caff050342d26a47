package archtest

import "strings"

// rule says what the packages of a place may import beside the standard library
// and themselves. A path stands for itself and, with "/..." behind it, for all
// below it too.
type rule struct {
	packages string
	// own are packages of this module, other those of other modules.
	own, other []string
	// denied are packages of the standard library.
	denied []string
}

var (
	// network is what code that only decides has no use for: it gets its clock,
	// randomness and stores from outside and does no input or output.
	network = []string{"net", "net/http", "net/rpc", "os", "os/exec", "os/signal", "syscall/js", "database/sql", "log", "plugin", "unsafe"}
	browser = []string{"syscall/js", "unsafe"}

	role       = []string{"medunion/ecc", "medunion/api/message", "medunion/api/problem", "medunion/api/fhirbundle"}
	anAPI      = []string{"medunion/ecc/...", "medunion/api/..."}
	echo       = []string{"github.com/labstack/echo/v4/...", "github.com/getkin/kin-openapi/...", "github.com/prometheus/client_golang/...", "golang.org/x/..."}
	mongo      = []string{"go.mongodb.org/mongo-driver/..."}
	redis      = []string{"github.com/redis/go-redis/v9/..."}
	everything = []string{"..."}
)

// rules: the first that names a package decides. Services may not import each
// other, and nothing outside deploy may import deploy.
var rules = []rule{
	// The mathematics and the messages.
	{"medunion/ecc/floor", []string{"medunion/ecc"}, []string{"golang.org/x/sys/unix"}, network}, // for benchmarks: asks for a thread's CPU time
	{"medunion/ecc/...", []string{"medunion/ecc/..."}, []string{"golang.org/x/crypto/...", "github.com/cloudflare/circl/..."}, network},
	{"medunion/api/message", []string{"medunion/ecc"}, nil, network},
	{"medunion/api/message/softkey", []string{"medunion/api/message"}, nil, network},                 // for tests: see notInServices
	{"medunion/api/message/softkey", []string{"medunion/ecc", "medunion/api/message"}, nil, network}, // a passkey in software, for tests
	{"medunion/api/problem", nil, nil, network},
	{"medunion/api/strictjson", nil, nil, network},
	{"medunion/api/fhirbundle", nil, nil, network},

	// The shared edge.
	{"medunion/api/internal/strictjwt/...", []string{"medunion/ecc", "medunion/api/strictjson", "medunion/api/internal/strictjwt/..."},
		[]string{"github.com/golang-jwt/jwt/v5"}, network},
	{"medunion/api/doctorcert", []string{"medunion/ecc", "medunion/api/message", "medunion/api/strictjson", "medunion/api/internal/strictjwt"}, nil, network},
	{"medunion/api/token", []string{"medunion/ecc", "medunion/api/problem", "medunion/api/secretfile", "medunion/api/internal/strictjwt"}, []string{"github.com/labstack/echo/v4"}, browser},
	{"medunion/api/httpserver", []string{"medunion/api/problem", "medunion/api/strictjson", "medunion/api/certs", "medunion/api/version", "medunion/api/telemetry/tracing"}, append([]string{"github.com/swaggo/files/v2", "github.com/pires/go-proxyproto"}, echo...), browser},
	{"medunion/api/replay/...", []string{"medunion/ecc", "medunion/api/problem", "medunion/api/message", "medunion/api/replay/..."}, redis, browser},
	{"medunion/api/settings", []string{"medunion/api/secretfile", "medunion/api/httpserver"}, []string{"github.com/alecthomas/kong", "go.yaml.in/yaml/v3"}, browser},
	{"medunion/api/roots", []string{"medunion/api/message", "medunion/api/secretfile"}, nil, append([]string{"net", "net/http"}, browser...)},
	{"medunion/api/certs", nil, nil, browser},
	{"medunion/api/certs/certtest", []string{"medunion/api/certs"}, nil, browser}, // for tests
	{"medunion/api/httpclient", []string{"medunion/api/certs"}, nil, browser},
	{"medunion/api/telemetry/tracing", nil, []string{"go.opentelemetry.io/otel/...", "go.opentelemetry.io/proto/slim/otlp/...", "google.golang.org/protobuf/..."}, browser},
	{"medunion/api/telemetry", []string{"medunion/api/telemetry/tracing"}, append([]string{"github.com/prometheus/client_golang/..."}, append(mongo, redis...)...), browser},
	{"medunion/api/version", nil, nil, browser},
	{"medunion/api/auditexport", []string{"medunion/api/message", "medunion/api/problem", "medunion/api/secretfile"}, nil, browser},
	{"medunion/api/command", []string{"medunion/api/version"}, []string{"github.com/alecthomas/kong", "golang.org/x/term"}, browser},
	{"medunion/api/keycommands", []string{"medunion/api/command", "medunion/api/keyroll", "medunion/api/keyprovider"}, []string{"github.com/alecthomas/kong"}, browser},
	{"medunion/api/mongodb", []string{"medunion/api/problem"}, mongo, browser},
	{"medunion/api/backup", []string{"medunion/ecc", "medunion/api/mongodb", "medunion/api/problem", "medunion/api/secretfile"}, append([]string{"filippo.io/age"}, mongo...), browser},
	{"medunion/api/secretfile", []string{"medunion/ecc/vault"}, nil, browser},
	{"medunion/api/keyprovider", []string{"medunion/ecc/vault", "medunion/api/secretfile", "medunion/api/httpclient"}, nil, browser},
	{"medunion/api/keyprovider/transittest", nil, nil, browser}, // for tests: see notInServices
	{"medunion/api/keyroll/mongoroll", []string{"medunion/ecc", "medunion/api/keyroll", "medunion/api/mongodb", "medunion/api/problem"}, mongo, browser},
	{"medunion/api/keyroll", []string{"medunion/ecc", "medunion/api/keyring", "medunion/api/problem"}, nil, browser},
	{"medunion/api/keyring", []string{"medunion/ecc", "medunion/api/secretfile", "medunion/api/keyprovider"}, nil, browser},
	{"medunion/api/openapi/...", nil, append([]string{"github.com/oapi-codegen/runtime/..."}, echo...), browser},

	// The roles: the protocol itself, in every browser and every test the same.
	{"medunion/publiccloud/cloud", role, nil, network},
	{"medunion/privatecloud/hospital", role, nil, network},
	{"medunion/doctor-portal/doctor", role, nil, network},
	{"medunion/patient-agent/patient", role, nil, network},

	// What runs in the doctor's browser: her key store, she at work, and the bridge, which
	// converts types and nothing else. The headless agent runs the same two.
	{"medunion/doctor-portal/keystore", []string{"medunion/ecc", "medunion/ecc/vault", "medunion/api/problem", "medunion/api/message"}, nil, network},
	{"medunion/doctor-portal/practice", append([]string{"medunion/doctor-portal/doctor", "medunion/doctor-portal/keystore", "medunion/api/doctorcert",
		"medunion/api/roots", "medunion/api/strictjson", "medunion/ecc/vault"}, role...), nil, network},
	{"medunion/doctor-portal/wasm", append([]string{"medunion/doctor-portal/practice", "medunion/doctor-portal/keystore", "medunion/api/strictjson"}, role...), nil,
		[]string{"net", "net/http", "os/exec", "unsafe"}},

	// The built pages, embedded: files and nothing else.
	{"medunion/doctor-portal/web", nil, nil, network},
	{"medunion/patient-agent/web", nil, nil, network},

	// Stores know their own role and their driver; addresses know their own role and Echo.
	{"medunion/publiccloud/internal/mongostore/...", append([]string{"medunion/publiccloud/cloud"}, anAPI...), mongo, browser},
	{"medunion/privatecloud/internal/mongostore/...", append([]string{"medunion/privatecloud/hospital"}, anAPI...), mongo, browser},
	{"medunion/publiccloud/internal/redisstore/...", append([]string{"medunion/publiccloud/cloud"}, anAPI...), redis, browser},
	{"medunion/privatecloud/internal/redisstore/...", append([]string{"medunion/privatecloud/hospital"}, anAPI...), redis, browser},
	{"medunion/publiccloud/internal/httpapi/...", append([]string{"medunion/publiccloud/cloud"}, anAPI...), echo, browser},
	{"medunion/privatecloud/internal/httpapi/...", append([]string{"medunion/privatecloud/hospital", "medunion/privatecloud/internal/fhir/..."}, anAPI...), echo, browser},

	// The rest of a service sees its own folder and the shared edge.
	{"medunion/publiccloud/...", append([]string{"medunion/publiccloud/..."}, anAPI...), everything, browser},
	{"medunion/privatecloud/...", append([]string{"medunion/privatecloud/..."}, anAPI...), everything, browser},
	{"medunion/doctor-portal/...", append([]string{"medunion/doctor-portal/..."}, anAPI...), everything, browser},
	{"medunion/patient-agent/...", append([]string{"medunion/patient-agent/..."}, anAPI...), everything, browser},

	// deploy sees everything that is not internal.
	{"medunion/deploy/...", everything, everything, nil},
}

// Tests may import more than the code that they test: their own service, the
// embedded servers and anything of the shared edge. Other services stay out of reach.
var testExtra = []string{"medunion/deploy/local/embedmongo", "medunion/deploy/local/embedredis", "medunion/api/...", "medunion/ecc/..."}

// notInServices are what no program outside deploy may link: the embedded
// servers, and what serves tests only.
var notInServices = []string{"medunion/api/keyprovider/transittest", "github.com/hashicorp/...", "medunion/api/message/softkey", "medunion/api/certs/certtest", "github.com/alicebob/miniredis/...", "github.com/256dpi/lungo/...", "go.etcd.io/bbolt/...", "medunion/deploy/...",
	"github.com/chromedp/...", "pgregory.net/rapid/...", "testing", "net/http/httptest"}

// notInBrowser is what the program for the browser may not link: it reaches its portal
// through the page, and a doctor downloads each byte of it.
var notInBrowser = []string{"net", "net/http", "crypto/tls", "crypto/x509", "os/exec", "github.com/golang-jwt/...", "github.com/labstack/...",
	"google.golang.org/...", "testing"}

// topLevel is all that stands at the visible top of the repository.
var topLevel = []string{"publiccloud", "privatecloud", "doctor-portal", "patient-agent", "ecc", "api", "deploy", "go.mod", "go.sum", "README.md", "LICENSE"}

// service is the pattern of a package's top folder.
func service(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/") + "/..."
}

// matches says whether a pattern names a package.
func matches(pattern, path string) bool {
	base, below := strings.CutSuffix(pattern, "...")
	switch {
	case pattern == "...":
		return true
	case below:
		return strings.HasPrefix(path+"/", base)
	}
	return path == pattern
}

func matchesAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if matches(p, path) {
			return true
		}
	}
	return false
}

// ruleFor is the first rule that names the package.
func ruleFor(path string) (rule, bool) {
	for _, r := range rules {
		if matches(r.packages, path) {
			return r, true
		}
	}
	return rule{}, false
}

// allows says whether the rule lets a package be imported.
func (r rule) allows(path string) bool {
	switch {
	case path == "C":
		return false
	case ours(path):
		return matchesAny(r.own, path)
	case standard(path):
		return !matchesAny(r.denied, path)
	}
	return matchesAny(r.other, path)
}

func ours(path string) bool { return path == "medunion" || strings.HasPrefix(path, "medunion/") }

// standard says whether a package is of the standard library: its first part
// has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}
