package mongodb_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"medunion/api/mongodb"
	"medunion/deploy/local/embedmongo"
)

// A connection string is read as the driver reads it, and none of it stands in an error.
func TestDescribe(t *testing.T) {
	const secret = "CANARY-19c"
	for uri, want := range map[string]string{
		"mongodb://127.0.0.1:27017":                              "[127.0.0.1:27017] false false ",
		"mongodb://u:" + secret + "@a:1,b:2/db?tls=true":         "[a:1 b:2] true true " + secret,
		"mongodb://a/?ssl=true&tlsInsecure=true":                 "[a] false false ",
		"mongodb://a/?tls=true&authMechanism=MONGODB-X509":       "[a] true true ",
		"mongodb://%2Frun%2Fmongodb.sock/":                       "[/run/mongodb.sock] false false ",
		"mongodb+srv://u:" + secret + "@cluster.example":         "[cluster.example] true true " + secret,
		"mongodb+srv://cluster.example/?srvMaxHosts=2&tls=false": "[cluster.example] false false ",
		"mongodb+srv://cluster.example/db?retryWrites=true":      "[cluster.example] true false ",
		"http://u:" + secret + "@a":                              "",
		"mongodb://u:" + secret:                                  "",
		"mongodb://u:" + secret + "@a/?tls=maybe":                "",
		"mongodb://a/?tls=true&tlsCAFile=/nowhere/" + secret:     "",
		secret: "",
	} {
		d, err := mongodb.Describe(uri)
		got := ""
		if err == nil {
			got = fmt.Sprint(d.Addrs, d.TLS, d.Authenticated, " "+d.Password)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", uri, err)
		}
		if got = strings.Replace(got, "  ", " ", 1); got != want {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
}

// Only a direct connection, and one to a balancer, stays with the addresses that were given:
// the driver asks any other server for the members of its set, and speaks with those.
func TestDescribeDiscovery(t *testing.T) {
	for uri, want := range map[string]bool{"mongodb://a": true, "mongodb://a/?replicaSet=rs0": true, "mongodb://a/?replicaSet=rs0&directConnection=true": false,
		"mongodb://a/?directConnection=false": true, "mongodb://a/?loadBalanced=true": false, "mongodb://a,b": true, "mongodb+srv://c.d.example": true} {
		if d, err := mongodb.Describe(uri); err != nil || d.Discovers != want {
			t.Errorf("%s: %v, %v", uri, d.Discovers, err)
		}
	}
}

// The embedded server says what it is; none that does not answer passes for a real one.
func TestRefuseEmbedded(t *testing.T) {
	m, err := embedmongo.Start(embedmongo.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := mongodb.RefuseEmbedded(t.Context(), m.URI()); !errors.Is(err, mongodb.ErrEmbedded) {
		t.Errorf("%v", err)
	}
	uri := m.URI()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := mongodb.RefuseEmbedded(t.Context(), uri); err == nil || errors.Is(err, mongodb.ErrEmbedded) {
		t.Errorf("nobody answers: %v", err)
	}
}
