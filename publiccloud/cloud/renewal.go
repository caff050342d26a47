package cloud

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
)

// maxLine is how many credentials of one line may be good at a time. Each reply that was lost on
// its way took one, and so did each renewal by a thief. A holder alone could else make as many as a
// revocation list cannot name (maxRevoked), and once his line was revoked there would be no list.
const maxLine = 64

var (
	errRenewed   = errors.New("the credential to be renewed is not registered")
	errAttribute = errors.New("the renewal changes attr_X")
	errLicence   = errors.New("Cert_D is for another licence than the credential to be renewed")
)

// admitRenewal lets in whoever shows both secrets of a registered credential that is good
// now. The new one belongs to the line of the old one, and has a later number.
func (c *Cloud) admitRenewal(ctx context.Context, q message.Registration, r message.Renewal, operator bool) (admission, error) {
	if err := r.Verify(c.Pins(), q, c.now()); err != nil {
		return admission{}, problem.Refused(err)
	}
	old, err := c.Registry.Find(ctx, r.Credential.Hash())
	if err != nil && problem.KindOf(err) == problem.KindNotFound {
		err = problem.Refused(errRenewed)
	}
	if err != nil {
		return admission{}, err
	}
	if err := c.unrevoked(ctx, old.Credential); err != nil {
		return admission{}, err
	}
	a := admission{notAfter: unbounded, line: old.Line, former: old.Credential, after: r.Credential.Info.Epoch}
	if a.taken, err = c.lengthen(ctx, old.Line); err != nil {
		return a, err
	}
	err = c.admitRenewed(ctx, q, r, operator, &a)
	return a, err
}

// lengthen returns how many credentials the line has had, and fails with Conflict if so many have not
// ended that it may have no more. One that was revoked alone is on the list until it ends, and counts.
func (c *Cloud) lengthen(ctx context.Context, line message.Hash) (all int, err error) {
	records, err := c.Registry.Line(ctx, line)
	good := 0
	for _, r := range records {
		if c.now() < r.NotAfter {
			good++
		}
	}
	if err == nil && good >= maxLine {
		err = problem.Conflict("This credential has been renewed too often; more is possible when the first ones have ended.")
	}
	return len(records), err
}

// admitRenewed checks what the role demands of a renewal.
func (c *Cloud) admitRenewed(ctx context.Context, q message.Registration, r message.Renewal, operator bool, a *admission) error {
	if q.Role == message.Doctor {
		return c.admitRenewedDoctor(ctx, q, r, a)
	}
	if len(r.Certificate) != 0 {
		return problem.Invalid("Only a doctor's renewal carries a certificate.")
	}
	same := string(q.Attribute) == string(r.Credential.Info.Attribute)
	switch {
	case same:
		return nil
	case q.Role != message.Hospital || !operator: // β_P never changes; a new address is an operator's to allow
		return problem.Refused(errAttribute)
	case !baseURL(string(q.Attribute)):
		return errAddress()
	}
	return nil
}

// admitRenewedDoctor wants Cert_D for the keys of the request, as a first registration does,
// and for the licence that her line was admitted by.
func (c *Cloud) admitRenewedDoctor(ctx context.Context, q message.Registration, r message.Renewal, a *admission) error {
	cert, err := c.certified(q, r.Certificate)
	if err != nil {
		return err
	}
	first, err := c.Registry.Find(ctx, a.line)
	if err != nil {
		return err
	}
	for g := range maxGenerations {
		if c.licenceHandle(cert.Licence, g) == first.Admission {
			a.certificate, a.notAfter = r.Certificate, message.MillisOf(cert.Expires)
			return nil
		}
	}
	return problem.Refused(errLicence)
}

// maxGenerations bounds how many lines one licence, or one hospital's ID, can have, one after another.
const maxGenerations = 64

// licenceHandle is what a line of a licence is admitted by. Each takes the next
// generation, from 0.
func (c *Cloud) licenceHandle(licence string, generation int) message.Hash {
	if generation == 0 {
		return c.handle(handleLicence, []byte(licence))
	}
	return c.handle(handleLicence, []byte(licence), binary.BigEndian.AppendUint64(nil, uint64(generation)))
}

var errRevokedKeys = errors.New("the keys are those of a credential that was revoked")

// admitLicence finds the generation by which a licence can be registered: the next one after
// lines of which no credential is good any more. Keys of a revoked one do not come
// back. An ID of the same licence goes on with its next number.
func (c *Cloud) admitLicence(ctx context.Context, q message.Registration, licence string, a *admission) error {
	free, err := c.generation(ctx, a, func(g int) message.Hash { return c.licenceHandle(licence, g) },
		func(line message.Hash) error { return c.overtake(ctx, q, line, a) })
	if err == nil && !free {
		err = errLicenceTaken()
	}
	return err
}

// generation finds the first handle that has admitted no line yet, or the line with which the request goes on. after
// looks at each line before, and fails if another one may not follow it.
func (c *Cloud) generation(ctx context.Context, a *admission, handle func(int) message.Hash, after func(line message.Hash) error) (free bool, err error) {
	for g := range maxGenerations {
		a.handle = handle(g)
		first, err := c.Registry.Admitted(ctx, a.handle)
		if err != nil && problem.KindOf(err) == problem.KindNotFound {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if err := after(first.Line); err != nil || a.line != (message.Hash{}) {
			return err == nil, err
		}
	}
	return false, nil
}

// overtake fails while a credential of the line is good, but for those of this ID that nobody received: the new one then
// goes on with the line, so that a revocation reaches them too.
func (c *Cloud) overtake(ctx context.Context, q message.Registration, line message.Hash, a *admission) error {
	records, err := c.Registry.Line(ctx, line)
	if err != nil {
		return err
	}
	for _, r := range records {
		cred, err := message.DecodeCredential(r.Body)
		if err != nil {
			return problem.Internal(err)
		}
		revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{r.Credential})
		switch {
		case err != nil:
			return err
		case !revoked && c.now() < r.NotAfter:
			if err := c.unreceived(ctx, q, cred); err != nil {
				return err
			}
			a.line, a.former = line, r.Credential
		case revoked && cred.Info.Keys.Sign.Equal(q.Keys.Sign):
			return problem.Refused(errRevokedKeys)
		}
		if cred.Info.ID == q.ID {
			a.after = max(a.after, cred.Info.Epoch)
		}
	}
	return nil
}

// unusedFor is how long a doctor's credential has had no prekey when its reply counts as lost.
const unusedFor = 24 * time.Hour

// unreceived fails unless it is a credential of the same ID that has been without a prekey for unusedFor.
func (c *Cloud) unreceived(ctx context.Context, q message.Registration, cred message.Credential) error {
	if cred.Info.ID != q.ID || c.now() < cred.Info.NotBefore.Add(unusedFor) {
		return errLicenceTaken()
	}
	used, err := c.published(ctx, cred.Hash())
	if err == nil && used {
		err = errLicenceTaken()
	}
	return err
}

func errLicenceTaken() error { return problem.Conflict("The licence is registered already.") }

// number gives the request the first free number of its (role, ID): 1, or the next one
// after that of the credential which it follows. Fails with Conflict.
func (c *Cloud) number(ctx context.Context, q message.Registration, a admission) (Record, message.Info, error) {
	info := message.Info{Suite: q.Suite, Role: q.Role, ID: q.ID, Attribute: q.Attribute, Keys: q.Keys, Epoch: a.after}
	err := error(nil)
	for range 1 + a.taken {
		info.Epoch++
		r := Record{Role: q.Role, Name: c.nameHandle(info), Admission: a.handle, Line: a.line, Certificate: a.certificate}
		if a.former != (message.Hash{}) {
			r.Admission = c.renewalHandle(a.line, info.Epoch)
		}
		if err = c.Registry.Free(ctx, r); err == nil {
			return r, info, nil
		}
		if problem.KindOf(err) != problem.KindConflict {
			break
		}
	}
	return Record{}, info, err
}

// renewalHandle is what a renewal is admitted by: each number of a line once.
func (c *Cloud) renewalHandle(line message.Hash, epoch uint64) message.Hash {
	return c.handle(handleRenewal, line[:], binary.BigEndian.AppendUint64(nil, epoch))
}

// outlived fails if the credential that was renewed has been revoked meanwhile. Whoever revokes its
// line has then either found the new one in it, or is found here: then it is revoked too,
// and nobody gets d_X.
func (c *Cloud) outlived(ctx context.Context, former message.Hash, r Record) error {
	if former == (message.Hash{}) {
		return nil
	}
	err := c.unrevoked(ctx, former)
	if err != nil && problem.KindOf(err) == problem.KindRefused {
		if failed := c.Revocations.RevokeCredential(ctx, r.Credential, c.now(), r.NotAfter); failed != nil {
			return failed
		}
	}
	return err
}
