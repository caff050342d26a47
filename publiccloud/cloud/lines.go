package cloud

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"medunion/api/message"
	"medunion/api/problem"
)

// RevokeCredential is an operator's act, whom his token names; it holds at once, and stands in the trail of operations
// before it does. All good credentials of the line go
// with it, since a thief may have renewed before the loss was noticed. Fails with NotFound.
func (c *Cloud) RevokeCredential(ctx context.Context, operator string, credential message.Hash) error {
	r, err := c.Registry.Find(ctx, credential)
	if err != nil {
		return err
	}
	defer c.lists.forget()
	o := Operation{What: OperationRevoked, Subject: operator, Credential: credential, Note: "with the others of its line"}
	return c.trail().Do(ctx, o, func() error { return c.revokeAll(ctx, r) })
}

func (c *Cloud) revokeAll(ctx context.Context, r Record) error {
	if err := c.revoke(ctx, r); err != nil {
		return err
	}
	for {
		more, err := c.revokeLine(ctx, r.Line)
		if err != nil || !more {
			return err
		}
	}
}

// RevokeOne revokes one credential, as RevokeCredential does, and leaves the others of its line. Fails with NotFound.
func (c *Cloud) RevokeOne(ctx context.Context, operator string, credential message.Hash) error {
	r, err := c.Registry.Find(ctx, credential)
	if err != nil {
		return err
	}
	defer c.lists.forget()
	o := Operation{What: OperationRevoked, Subject: operator, Credential: credential, Note: "alone"}
	return c.trail().Do(ctx, o, func() error { return c.revoke(ctx, r) })
}

// revoke is the act itself, on each credential by itself.
func (c *Cloud) revoke(ctx context.Context, r Record) error {
	return c.Revocations.RevokeCredential(ctx, r.Credential, c.now(), r.NotAfter)
}

// revokeLine reports whether it found any to revoke. Until it finds none, a renewal may have
// added one that was admitted before; after that outlived finds the revocation.
func (c *Cloud) revokeLine(ctx context.Context, line message.Hash) (more bool, err error) {
	records, err := c.Registry.Line(ctx, line)
	if err != nil {
		return false, err
	}
	for _, r := range records {
		revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{r.Credential})
		if err != nil {
			return false, err
		}
		if revoked || c.now() >= r.NotAfter {
			continue
		}
		if err := c.revoke(ctx, r); err != nil {
			return false, err
		}
		more = true
	}
	return more, nil
}

// inUse leaves of each hospital the credential that it uses, by c_X.
func (c *Cloud) inUse(ctx context.Context, hospitals []Record) ([]message.Credential, error) {
	byID := map[message.ID][]message.Credential{}
	for _, r := range hospitals {
		cred, err := message.DecodeCredential(r.Body)
		if err != nil {
			return nil, problem.Internal(err)
		}
		byID[cred.Info.ID] = append(byID[cred.Info.ID], cred)
	}
	var out []message.Credential
	for _, all := range byID {
		used, err := c.newest(ctx, all)
		if err != nil {
			return nil, err
		}
		out = append(out, used)
	}
	slices.SortFunc(out, func(a, b message.Credential) int {
		ha, hb := a.Hash(), b.Hash()
		return bytes.Compare(ha[:], hb[:])
	})
	return out, nil
}

// newest is the newest of one hospital's credentials for which it has published a prekey: of
// one that is newer the reply may have been lost. If there is none such, the newest.
func (c *Cloud) newest(ctx context.Context, all []message.Credential) (message.Credential, error) {
	slices.SortFunc(all, func(a, b message.Credential) int { return cmp.Compare(b.Info.Epoch, a.Info.Epoch) })
	if len(all) == 1 {
		return all[0], nil
	}
	for _, cred := range all {
		used, err := c.published(ctx, cred.Hash())
		if used || err != nil {
			return cred, err
		}
	}
	return all[0], nil
}

// published reports whether the holder of a credential has shown that he has it.
func (c *Cloud) published(ctx context.Context, credential message.Hash) (bool, error) {
	_, err := c.Prekeys.Published(ctx, credential)
	if err != nil && problem.KindOf(err) == problem.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// unsucceeded fails with NotFound if the doctor uses a later credential of the line.
func (c *Cloud) unsucceeded(ctx context.Context, r Record) error {
	records, err := c.Registry.Line(ctx, r.Line)
	if err != nil || len(records) < 2 {
		return err
	}
	cred, err := message.DecodeCredential(r.Body)
	if err != nil {
		return problem.Internal(err)
	}
	for _, other := range records {
		later, err := c.usedAfter(ctx, other, cred.Info.Epoch)
		if err != nil {
			return err
		}
		if later {
			return problem.NotFound("The doctor has a newer card; this one is of before.")
		}
	}
	return nil
}

// usedAfter reports whether it is a credential of a later number that is used and not revoked.
func (c *Cloud) usedAfter(ctx context.Context, r Record, epoch uint64) (bool, error) {
	cred, err := message.DecodeCredential(r.Body)
	if err != nil {
		return false, problem.Internal(err)
	}
	if cred.Info.Epoch <= epoch {
		return false, nil
	}
	if used, err := c.published(ctx, r.Credential); !used || err != nil {
		return false, err
	}
	revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{r.Credential})
	return !revoked && err == nil, err
}
