package mongodb

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/mongo/options"
)

// Description is what a connection string says, for who judges it.
type Description struct {
	Addrs         []string // host:port, or the path of a socket
	TLS           bool     // with certificates that are verified
	Authenticated bool
	Password      string // "" if it authenticates otherwise, as by a certificate
	Discovers     bool   // what answers there names further members, which are spoken with too
}

// ErrURI quotes nothing of the connection string, which may hold a password.
var ErrURI = errors.New("it is no MongoDB connection string, or a file that it names cannot be read")

// Describe reads a connection string as the driver does, and looks up no name.
func Describe(uri string) (Description, error) {
	plain, srv := strings.CutPrefix(uri, "mongodb+srv://")
	if srv {
		uri = withoutSRV(plain)
	}
	o := options.Client().ApplyURI(uri)
	if o.Validate() != nil {
		return Description{}, ErrURI
	}
	d := Description{Addrs: o.Hosts, TLS: o.TLSConfig != nil && !o.TLSConfig.InsecureSkipVerify,
		Discovers: srv || !isTrue(o.Direct) && !isTrue(o.LoadBalanced)}
	if o.Auth != nil {
		d.Authenticated, d.Password = true, o.Auth.Password
	}
	return d, nil
}

func isTrue(b *bool) bool { return b != nil && *b }

// withoutSRV is the string without what the name service would add, but for TLS, which
// stands in such a string unless it says otherwise.
func withoutSRV(rest string) string {
	address, query, _ := strings.Cut(rest, "?")
	parameters := slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool { return p == "" || strings.HasPrefix(strings.ToLower(p), "srv") })
	if v, err := url.ParseQuery(query); err != nil || !v.Has("tls") && !v.Has("ssl") {
		parameters = append(parameters, "tls=true")
	}
	if !strings.Contains(address[strings.LastIndex(address, "@")+1:], "/") {
		address += "/"
	}
	return "mongodb://" + address + "?" + strings.Join(parameters, "&")
}
