package cloud

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Parameters are the signed public parameters: message.Signed over message.Parameters.
// They are signed once for each root.
func (c *Cloud) Parameters() ([]byte, error) {
	root, err := c.signing()
	if err != nil {
		return nil, err
	}
	c.lists.mu.Lock()
	defer c.lists.mu.Unlock()
	if c.lists.parameters == nil || !c.lists.signer.Equal(root.Public()) {
		c.lists.parameters, c.lists.signer = c.signParameters(root), root.Public()
	}
	return slices.Clone(c.lists.parameters), nil
}

func (c *Cloud) signParameters(root OwnRoot) []byte {
	p := message.Parameters{
		CloudID: c.ID, PK: root.Public().PK, PUKC: root.Public().PUKC, Suites: c.Suites, Past: c.Past, Future: c.Future,
		Departments: codes(message.DefaultDepartments), Classes: codes(message.DefaultClasses),
		ClassRules: message.DefaultClassRules, Issued: c.now(),
	}
	return message.Sign(root.SigningKey, p.Encode()).Encode()
}

func codes(names []string) []message.Code {
	out := make([]message.Code, len(names))
	for i, n := range names {
		out[i] = message.Code(n)
	}
	return message.SortCodes(out)
}

// listLife is how long a signed list is served again. A change made through this
// instance shows at once, one made through another within this time.
const listLife = 5 * time.Second

// listCache holds the two signed lists, so that a crowd of clients costs one
// signature and one query each.
type listCache struct {
	mu                     sync.Mutex
	directory, revocations []byte
	directoryAt, revokedAt time.Time

	parameters []byte
	signer     message.Root // of the parameters

	revoked atomic.Int64 // how many the store knew of when it was asked last; -1 before
}

func newLists() *listCache {
	l := &listCache{}
	l.revoked.Store(-1)
	return l
}

func (l *listCache) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.directory, l.revocations = nil, nil
}

// Directory is the signed list of hospitals: message.Signed over message.Directory.
func (c *Cloud) Directory(ctx context.Context) ([]byte, error) {
	c.lists.mu.Lock()
	defer c.lists.mu.Unlock()
	if now := c.Now(); c.lists.directory == nil || now.Sub(c.lists.directoryAt).Abs() > listLife {
		signed, err := c.signDirectory(ctx)
		if err != nil {
			return nil, err
		}
		c.lists.directory, c.lists.directoryAt = signed, now
	}
	return c.lists.directory, nil
}

func (c *Cloud) signDirectory(ctx context.Context) ([]byte, error) {
	now := c.now()
	records, err := c.Registry.Hospitals(ctx, now)
	if err != nil {
		return nil, err
	}
	revoked, err := c.Revocations.RevokedCredentials(ctx, now)
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r Record) bool { return slices.Contains(revoked, r.Credential) })
	d := message.Directory{Issued: now}
	if d.Hospitals, err = c.inUse(ctx, records); err != nil {
		return nil, err
	}
	s, err := c.sign(d.Encode())
	return s.Encode(), err
}

// RevocationList is the signed list: message.Signed over message.Revocations.
func (c *Cloud) RevocationList(ctx context.Context) ([]byte, error) {
	c.lists.mu.Lock()
	defer c.lists.mu.Unlock()
	if now := c.Now(); c.lists.revocations == nil || now.Sub(c.lists.revokedAt).Abs() > listLife {
		signed, err := c.signRevocations(ctx)
		if err != nil {
			return nil, err
		}
		c.lists.revocations, c.lists.revokedAt = signed, now
	}
	return c.lists.revocations, nil
}

// maxRevoked is how many credentials one list can name. With one more there is no list, and two hours later
// everybody refuses everybody.
const maxRevoked = 65535

// Revoked is how many credentials were revoked that have not ended when the list was signed last, or was to be;
// -1 before. A list names 65,535 at most.
func (c *Cloud) Revoked() int { return int(c.lists.revoked.Load()) }

func (c *Cloud) signRevocations(ctx context.Context) ([]byte, error) {
	now := c.now()
	revoked, err := c.Revocations.RevokedCredentials(ctx, now)
	if err != nil {
		return nil, err
	}
	c.lists.revoked.Store(int64(len(revoked)))
	if len(revoked) > maxRevoked {
		return nil, problem.Internal(errors.New("more revoked credentials than a list can name"))
	}
	v := message.Revocations{Issued: now, Revoked: message.SortHashes(revoked)}
	s, err := c.sign(v.Encode())
	return s.Encode(), err
}

// LogPage returns up to limit lines of the registration log.
func (c *Cloud) LogPage(ctx context.Context, from uint64, limit int) ([]message.LogEntry, error) {
	return c.Log.Read(ctx, from, limit)
}

// DoctorCard is what a patient needs to consult a doctor.
type DoctorCard struct {
	Credential  []byte // Cred_D
	Certificate []byte // Cert_D
	Prekey      []byte // message.Signed
}

// Doctor returns a doctor's card. Fails with NotFound, in the same words, for an unknown
// or revoked doctor, one without a current prekey, and whoever is no doctor; in other words
// for the card of before, whose mailbox she reads no more.
func (c *Cloud) Doctor(ctx context.Context, credential message.Hash) (DoctorCard, error) {
	r, err := c.Registry.Find(ctx, credential)
	if err == nil && r.Role != message.Doctor {
		err = problem.NotFound("")
	}
	var prekey []byte
	if err == nil {
		if err := c.unsucceeded(ctx, r); err != nil {
			return DoctorCard{}, err
		}
		prekey, err = c.Prekey(ctx, credential)
	}
	if err != nil && problem.KindOf(err) == problem.KindNotFound {
		err = problem.NotFound("There is no such doctor.")
	}
	if err != nil {
		return DoctorCard{}, err
	}
	return DoctorCard{Credential: r.Body, Certificate: r.Certificate, Prekey: prekey}, nil
}

// Prekey returns the owner's current prekey: message.Signed over message.Prekey.
// Fails with NotFound.
func (c *Cloud) Prekey(ctx context.Context, owner message.Hash) ([]byte, error) {
	p, err := c.Prekeys.Published(ctx, owner)
	if err != nil {
		return nil, err
	}
	if c.now() >= p.NotAfter {
		return nil, problem.NotFound("There is no current prekey.")
	}
	revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{owner})
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, problem.NotFound("There is no current prekey.")
	}
	return p.Signed, nil
}

// PublishPrekey stores a doctor's or hospital's prekey, signed by PRK_X of a
// registered credential. Fails with Invalid, Refused, Stale if it does not hold
// now, Conflict if a later one is stored.
func (c *Cloud) PublishPrekey(ctx context.Context, raw []byte) error {
	s, err := message.DecodeSigned(raw)
	if err != nil {
		return refused(err)
	}
	claimed, err := message.DecodePrekey(s.TBS)
	if err != nil {
		return refused(err)
	}
	key, suite, err := c.ownerKey(ctx, claimed.Owner)
	if err != nil {
		return err
	}
	p, err := message.OpenPrekey(s, claimed.Owner, suite, key, c.now())
	switch {
	case errors.Is(err, message.ErrExpired):
		return problem.Stale(c.Now()).Because(err)
	case err != nil:
		return refused(err)
	}
	if err := c.unrevoked(ctx, p.Owner); err != nil {
		return err
	}
	return c.Prekeys.Publish(ctx, PublishedPrekey{Owner: p.Owner, Signed: raw, NotBefore: p.NotBefore, NotAfter: p.NotAfter})
}

var errNoOwner = errors.New("the prekey's owner is not registered as a doctor or hospital")

// ownerKey is the signing key and suite of a registered doctor or hospital whose
// credential holds now.
func (c *Cloud) ownerKey(ctx context.Context, owner message.Hash) (ecc.VerifyKey, ecc.Suite, error) {
	r, err := c.Registry.Find(ctx, owner)
	if problem.KindOf(err) == problem.KindNotFound && err != nil {
		return ecc.VerifyKey{}, 0, problem.Refused(errNoOwner)
	}
	if err != nil {
		return ecc.VerifyKey{}, 0, err
	}
	cred, err := message.DecodeCredential(r.Body)
	if err != nil || cred.Verify(c.Pins(), r.Role, c.now()) != nil {
		return ecc.VerifyKey{}, 0, problem.Refused(errNoOwner)
	}
	return cred.Info.Keys.Sign, cred.Info.Suite, nil
}
