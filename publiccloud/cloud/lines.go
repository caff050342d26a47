package cloud

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
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
	o := Operation{What: OperationRevoked, Subject: operator, Credential: credential, Note: "with the others of its line"}
	return c.revokeLineOf(ctx, o, r, message.Hash{})
}

// RevokeAllBut is RevokeCredential that leaves one credential of the line good: of a holder who has renewed
// with new keys, since the old ones may be in other hands. A thief may have renewed before or after him,
// so that to revoke the old one alone would not do. Fails with NotFound, or with Invalid if keep is the one
// to revoke or of another line.
func (c *Cloud) RevokeAllBut(ctx context.Context, operator string, credential, keep message.Hash) error {
	r, err := c.Registry.Find(ctx, credential)
	if err != nil {
		return err
	}
	k, err := c.Registry.Find(ctx, keep)
	if err != nil {
		return err
	}
	if k.Line != r.Line || k.Credential == r.Credential {
		return problem.Invalid("The credential to keep is not another one of the same line.")
	}
	o := Operation{What: OperationRevoked, Subject: operator, Credential: credential, Note: "with the others of its line but " + hex.EncodeToString(keep[:])}
	return c.revokeLineOf(ctx, o, r, keep)
}

// RevokeUnknown is RevokeCredential also of a credential that is not registered: this public cloud was restored from a
// backup of before it was issued, and everybody else takes it until it ends. The list names it as
// long as one that is issued now would last.
func (c *Cloud) RevokeUnknown(ctx context.Context, operator string, credential message.Hash) error {
	err := c.RevokeCredential(ctx, operator, credential)
	if err == nil || problem.KindOf(err) != problem.KindNotFound {
		return err
	}
	o := Operation{What: OperationRevoked, Subject: operator, Credential: credential, Note: "not registered"}
	return c.revokeLineOf(ctx, o, Record{Credential: credential, Line: credential, NotAfter: c.now().Add(c.CredentialLife)}, message.Hash{})
}

func (c *Cloud) revokeLineOf(ctx context.Context, o Operation, r Record, keep message.Hash) error {
	defer c.lists.forget()
	return c.trail().Do(ctx, o, func() error { return c.revokeAll(ctx, r, keep) })
}

func (c *Cloud) revokeAll(ctx context.Context, r Record, keep message.Hash) error {
	if err := c.revoke(ctx, r); err != nil {
		return err
	}
	for {
		more, err := c.revokeLine(ctx, r.Line, keep)
		if err != nil || !more {
			return err
		}
	}
}

// revoke is the act itself, on each credential by itself.
func (c *Cloud) revoke(ctx context.Context, r Record) error {
	return c.Revocations.RevokeCredential(ctx, r.Credential, c.now(), r.NotAfter)
}

// revokeLine reports whether it found any to revoke. Until it finds none, a renewal may have
// added one that was admitted before; after that outlived finds the revocation.
func (c *Cloud) revokeLine(ctx context.Context, line, keep message.Hash) (more bool, err error) {
	records, err := c.Registry.Line(ctx, line)
	if err != nil {
		return false, err
	}
	for _, r := range records {
		revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{r.Credential})
		if err != nil {
			return false, err
		}
		// One that has just ended may be good by another instance's clock, and be renewed there.
		if revoked || r.Credential == keep || c.now() >= r.NotAfter.Add(backdate) {
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

// unsucceeded fails with NotFound if the doctor uses a later credential of the line, and has published no
// prekey under this one since that was issued, as another workstation of hers does.
func (c *Cloud) unsucceeded(ctx context.Context, r Record) error {
	records, err := c.Registry.Line(ctx, r.Line)
	if err != nil || len(records) < 2 {
		return err
	}
	cred, err := message.DecodeCredential(r.Body)
	if err != nil {
		return problem.Internal(err)
	}
	own, err := c.Prekeys.Published(ctx, r.Credential)
	if err != nil && problem.KindOf(err) != problem.KindNotFound {
		return err
	}
	for _, other := range records {
		later, err := c.usedAfter(ctx, other, cred.Info.Epoch, own.NotBefore)
		if err != nil {
			return err
		}
		if later {
			return problem.NotFound("The doctor has a newer card; this one is of before.")
		}
	}
	return nil
}

// usedAfter reports whether it is a credential of a later number that was issued at a later time, is used
// and is not revoked.
func (c *Cloud) usedAfter(ctx context.Context, r Record, epoch uint64, at message.Millis) (bool, error) {
	cred, err := message.DecodeCredential(r.Body)
	if err != nil {
		return false, problem.Internal(err)
	}
	if cred.Info.Epoch <= epoch || at > cred.Info.NotBefore.Add(backdate) {
		return false, nil
	}
	if used, err := c.published(ctx, r.Credential); !used || err != nil {
		return false, err
	}
	revoked, err := c.Revocations.AnyRevoked(ctx, []message.Hash{r.Credential})
	return !revoked && err == nil, err
}
