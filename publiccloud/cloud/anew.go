package cloud

import (
	"context"
	"encoding/binary"

	"medunion/api/message"
	"medunion/api/problem"
)

// A hospital whose credentials are all over, ended or revoked, is registered anew under its ID, by an operator's token as
// the first time. The new credential has the next number of the ID and begins a line of its own: who revokes the old
// line does not reach it.

// hospitalHandle is what a line of a hospital's ID is admitted by. Each takes the next generation, from 0.
func (c *Cloud) hospitalHandle(id message.ID, generation int) message.Hash {
	if generation == 0 {
		return c.handle(handleHospital, []byte(id))
	}
	return c.handle(handleHospital, []byte(id), binary.BigEndian.AppendUint64(nil, uint64(generation)))
}

// admitHospitalID finds the generation by which the ID can be registered. Fails with Conflict while a
// credential of it is good. Of two requests at once one takes the number and the generation, and the other finds them taken.
func (c *Cloud) admitHospitalID(ctx context.Context, q message.Registration, a *admission) error {
	free, err := c.generation(ctx, a, func(g int) message.Hash { return c.hospitalHandle(q.ID, g) },
		func(line message.Hash) error { return c.followLine(ctx, q, line, a) })
	if err == nil && !free {
		err = errIDTaken()
	}
	return err
}

// followLine fails while a credential of the line is good, but for one of the same keys that its holder never
// received: the new one then goes on with the line. Keys of a revoked one do not come back: whoever has stolen them
// would be the hospital again.
func (c *Cloud) followLine(ctx context.Context, q message.Registration, line message.Hash, a *admission) error {
	records, err := c.Registry.Line(ctx, line)
	for _, r := range records {
		good, err := c.followRecord(ctx, q, r, a)
		if err != nil {
			return err
		}
		if good {
			a.line, a.former = line, r.Credential
		}
	}
	if err == nil && a.line != (message.Hash{}) {
		a.taken, err = c.lengthen(ctx, line)
	}
	return err
}

// followRecord says whether the credential is good: then it is the one that the request repeats.
func (c *Cloud) followRecord(ctx context.Context, q message.Registration, r Record, a *admission) (good bool, err error) {
	cred, err := message.DecodeCredential(r.Body)
	if err != nil {
		return false, problem.Internal(err)
	}
	a.after = max(a.after, cred.Info.Epoch)
	revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{r.Credential})
	switch {
	case err != nil:
		return false, err
	case revoked && cred.Info.Keys.Sign.Equal(q.Keys.Sign):
		return false, problem.Refused(errRevokedKeys)
	// One that has just ended may be good by another instance's clock, and be renewed there.
	case revoked || c.now() >= r.NotAfter.Add(backdate):
		return false, nil
	}
	return true, c.repeated(ctx, q, cred)
}

// repeated fails unless the request is that for the credential, made again: it has the same keys, of which the request's
// signature proves one, and there has been no prekey under it, so that the reply was lost.
func (c *Cloud) repeated(ctx context.Context, q message.Registration, cred message.Credential) error {
	if !cred.Info.Keys.Sign.Equal(q.Keys.Sign) {
		return errIDTaken()
	}
	used, err := c.published(ctx, cred.Hash())
	if err == nil && used {
		err = errIDTaken()
	}
	return err
}

func errIDTaken() error { return problem.Conflict("The identity is registered already.") }
