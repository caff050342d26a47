package cloud

import (
	"container/list"
	"fmt"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// verifyDoctor checks Cred_D and Cert_D, their agreement, their times, and that
// both are of the exchange's suite. cD is H(Cred_D).
//
// The two signatures do not change between two searches of a doctor, so the
// outcome of checking them is kept for a while under c_D, the hash of all the
// bytes that were checked (Cred_D holds H(Cert_D)). Times are checked each time.
// Revocation is not checked here.
func (c *Cloud) verifyDoctor(s ecc.Suite, cred message.Credential, cD message.Hash, certD []byte) (message.DoctorCertificate, error) {
	if cred.Info.Suite != s {
		return message.DoctorCertificate{}, problem.Refused(errSuite)
	}
	now := c.Now()
	if cert, ok := c.doctors.get(cD, now); ok && certified(cred, certD) && holds(cred, cert, now) {
		return cert, nil
	}
	cert, err := message.VerifyDoctor(c.Pins(), c.VerifyCertificate, cred, certD, message.MillisOf(now))
	if err != nil {
		return message.DoctorCertificate{}, problem.Refused(fmt.Errorf("the doctor: %w", err))
	}
	c.doctors.put(cD, cert, c.goodUntil(cred, now))
	return cert, nil
}

// goodUntil is how long the outcome may be kept: no longer than the root that issued the
// credential is good.
func (c *Cloud) goodUntil(cred message.Credential, now time.Time) time.Time {
	until, pins := now.Add(doctorLife), c.Pins()
	if root, err := pins.Issuer(cred); err == nil {
		if _, ends, _ := pins.Term(root); ends.Time().Before(until) {
			return ends.Time()
		}
	}
	return until
}

func certified(cred message.Credential, certD []byte) bool {
	h := ecc.Sum(certD)
	return string(cred.Info.Attribute) == string(h[:])
}

// holds reports whether neither is outside its time. If it is false the full
// check says why.
func holds(cred message.Credential, cert message.DoctorCertificate, now time.Time) bool {
	t := message.MillisOf(now)
	return t >= cred.Info.NotBefore && t < cred.Info.NotAfter && !now.Before(cert.NotBefore) && now.Before(cert.Expires)
}

// Bounds of the cache: a certificate that the authority's keys no longer verify
// is found out after this time at the latest.
const (
	maxDoctors = 4096
	doctorLife = 5 * time.Minute
)

// doctorCache is a bounded map of verified doctors, the least recently used
// leaving first.
type doctorCache struct {
	mu    sync.Mutex
	order *list.List // of cachedDoctor, the newest in front
	byC   map[message.Hash]*list.Element
}

type cachedDoctor struct {
	c     message.Hash
	cert  message.DoctorCertificate
	until time.Time
}

func newDoctorCache() *doctorCache {
	return &doctorCache{order: list.New(), byC: map[message.Hash]*list.Element{}}
}

func (d *doctorCache) get(c message.Hash, now time.Time) (message.DoctorCertificate, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.byC[c]
	if !ok {
		return message.DoctorCertificate{}, false
	}
	if v := e.Value.(cachedDoctor); now.Before(v.until) {
		d.order.MoveToFront(e)
		return v.cert, true
	}
	d.drop(e)
	return message.DoctorCertificate{}, false
}

func (d *doctorCache) put(c message.Hash, cert message.DoctorCertificate, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.byC[c]; ok {
		d.drop(e)
	}
	d.byC[c] = d.order.PushFront(cachedDoctor{c: c, cert: cert, until: until})
	if d.order.Len() > maxDoctors {
		d.drop(d.order.Back())
	}
}

func (d *doctorCache) drop(e *list.Element) {
	d.order.Remove(e)
	delete(d.byC, e.Value.(cachedDoctor).c)
}
