package peers

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// OperatorToken is the bearer token with which this public cloud registers hospitals.
const OperatorToken = "operator-token-of-the-tests"

// Handler is the public cloud over HTTP, as far as a hospital speaks with it.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	signed := func(path string, make func(*http.Request) message.Signed) {
		mux.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
			answer(rw, 200, map[string]string{"signed": b64(make(r).Encode())})
		})
	}
	signed("/v1/parameters", func(*http.Request) message.Signed { return message.Sign(w.Cloud, w.Parameters().Encode()) })
	signed("/v1/revocations", func(*http.Request) message.Signed { return message.Sign(w.Cloud, w.Revocations().Encode()) })
	signed("/v1/prekeys/cloud", func(r *http.Request) message.Signed { return Must(w.CloudPrekey(r.Context(), uint8(w.Suite))) })
	mux.HandleFunc("GET /v1/successions", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, 200, map[string][]string{"successions": {}})
	})
	mux.HandleFunc("PUT /v1/prekeys", func(rw http.ResponseWriter, r *http.Request) {
		s, err := message.DecodeSigned(body(r, "signed"))
		if err == nil {
			err = w.PutPrekey(r.Context(), s)
		}
		finish(rw, err, 204, nil)
	})
	mux.HandleFunc("POST /v1/index-entries", func(rw http.ResponseWriter, r *http.Request) {
		m, err := message.Decode(body(r, "message"))
		if err == nil {
			m, err = w.WriteIndexEntry(r.Context(), m)
		}
		finish(rw, err, 200, func() []byte { return m.Encode() })
	})
	mux.HandleFunc("POST /v1/registrations/challenges", func(rw http.ResponseWriter, _ *http.Request) {
		b := make([]byte, message.ChallengeSize)
		rand.Read(b)
		answer(rw, 200, map[string]string{"challenge": b64(b)})
	})
	mux.HandleFunc("POST /v1/registrations", func(rw http.ResponseWriter, r *http.Request) {
		reply, err := w.register(r)
		finish(rw, err, 201, func() []byte { return reply.Encode() })
	})
	return mux
}

// Parameters are the default ones.
func (w *World) Parameters() message.Parameters {
	p := message.Parameters{CloudID: w.Pins.CloudID, PK: w.Pins.First.PK, PUKC: w.Pins.First.PUKC, Suites: []ecc.Suite{1, 2}, Past: 30 * time.Second,
		Future: 2 * time.Second, Classes: AllClasses(), ClassRules: message.DefaultClassRules, Issued: w.Now()}
	for _, d := range message.DefaultDepartments {
		p.Departments = append(p.Departments, message.Code(d))
	}
	p.Departments = message.SortCodes(p.Departments)
	return p
}

func (w *World) register(r *http.Request) (message.RegistrationReply, error) {
	q, err := message.DecodeRegistrationRequest(body(r, "message"))
	if err != nil {
		return message.RegistrationReply{}, err
	}
	if err := q.Verify(); err != nil {
		return message.RegistrationReply{}, err
	}
	if err := w.admitted(r, q); err != nil {
		return message.RegistrationReply{}, err
	}
	return w.issue(q)
}

// admitted lets in an operator's hospital, and one that renews its credential.
func (w *World) admitted(r *http.Request, q message.RegistrationRequest) error {
	if len(q.Admission) == 0 {
		if r.Header.Get("Authorization") != "Bearer "+OperatorToken {
			return errors.New("no operator")
		}
		return w.taken(q.Registration)
	}
	x, err := message.DecodeRenewal(q.Admission)
	if err != nil {
		return err
	}
	if err := x.Verify(w.Pins, q.Registration, w.Now()); err != nil {
		return err
	}
	if w.Revocations().Contains(x.Credential.Hash()) || !bytes.Equal(x.Credential.Info.Attribute, q.Registration.Attribute) {
		return errors.New("a revoked credential, or another attribute")
	}
	return nil
}

// taken refuses an ID of which a credential is good, but for the request for it, made again before it was used.
func (w *World) taken(q message.Registration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.issued[q.ID] {
		again := c.Info.Keys.Sign.Equal(q.Keys.Sign) && !slices.ContainsFunc(w.prekeys, func(s message.Signed) bool {
			return Must(message.DecodePrekey(s.TBS)).Owner == c.Hash()
		})
		if !again && !slices.Contains(w.revoked, c.Hash()) && message.MillisOf(w.Clock.Now()) < c.Info.NotAfter {
			return problem.Conflict("The identity is registered already.")
		}
	}
	return nil
}

func (w *World) number(id message.ID) uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.numbers[id]++
	return w.numbers[id]
}

// SkipNumber gives the next number of an ID to somebody whom the hospital does not know of.
func (w *World) SkipNumber(id message.ID) { w.number(id) }

// issue gives the next number of the ID.
func (w *World) issue(q message.RegistrationRequest) (message.RegistrationReply, error) {
	now := w.Now()
	info := message.Info{Suite: q.Registration.Suite, Role: q.Registration.Role, ID: q.Registration.ID, Attribute: q.Registration.Attribute,
		Epoch: w.number(q.Registration.ID), NotBefore: now.Add(-time.Minute), NotAfter: now.Add(48 * time.Hour), Keys: q.Registration.Keys}
	pk, err := w.Issuer.Issue(rand.Reader, q.Registration.Encode(), q.Registration.X, info.Encode())
	if err != nil {
		return message.RegistrationReply{}, err
	}
	cred := message.Credential{Info: info, R: pk.R, Signature: w.Cloud.Sign(message.TBSCredential(info, pk.R))}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.issued[info.ID] = append(w.issued[info.ID], cred)
	return message.RegistrationReply{Credential: cred, D: pk.D}, nil
}

// RevokeAll puts all credentials of an ID that were registered over HTTP on the revocation list.
func (w *World) RevokeAll(id message.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.issued[id] {
		w.revoked = message.SortHashes(append(w.revoked, c.Hash()))
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func body(r *http.Request, member string) []byte {
	var m map[string]string
	if json.NewDecoder(r.Body).Decode(&m) != nil {
		return nil
	}
	b, _ := base64.RawURLEncoding.DecodeString(m[member])
	return b
}

func answer(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v)
}

func finish(rw http.ResponseWriter, err error, status int, m func() []byte) {
	switch {
	case problem.KindOf(err) == problem.KindConflict && err != nil:
		answer(rw, http.StatusConflict, problem.From(err).Document(""))
	case err != nil:
		rw.WriteHeader(http.StatusForbidden)
	case m == nil:
		rw.WriteHeader(status)
	default:
		answer(rw, status, map[string]string{"message": b64(m())})
	}
}
