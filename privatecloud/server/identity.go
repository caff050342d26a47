package server

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
)

// identityKeys are those of one credential; they are rolled together, by a renewal of the credential.
var identityKeys = []string{keyX, keySigning, keyKEM, keyS}

// identityHold is how long the keys of a credential are kept at least when another one has followed it: the
// life of the last prekey under it and of a session that was opened by that.
const identityHold = 25 * time.Hour

// maxFormer bounds the credentials that a ring remembers.
const maxFormer = 1024

// former are the credentials that were current before, oldest first. They are public.
func former(r keyring.Ring) (out []message.Credential, err error) {
	b := r.Field(fieldFormer)
	if len(b) == 0 {
		return nil, nil
	}
	list, err := ecc.DecodeList(ecc.LabelList, b, maxFormer)
	for i := 0; err == nil && i < len(list); i++ {
		var c message.Credential
		c, err = message.DecodeCredential(list[i])
		out = append(out, c)
	}
	return out, err
}

func encodeFormer(all []message.Credential) []byte {
	list := make([][]byte, len(all))
	for i, c := range all {
		list[i] = c.Encode()
	}
	return ecc.Encode(ecc.LabelList, list...)
}

// identitiesOf are the identities in the ring of a registered hospital.
func identitiesOf(r keyring.Ring) (ids hospital.Identities, err error) {
	if ids.Former, err = former(r); err != nil {
		return ids, errKeyFile
	}
	current, err := identityIn(r, keyring.Current, r.Field(fieldCredential))
	if err != nil {
		return ids, err
	}
	ids.Current = *current
	if ids.Next, err = identityIn(r, keyring.Next, r.Field(fieldNext)); err != nil {
		return ids, err
	}
	ids.Previous, err = previousIn(r, ids.Former)
	return ids, err
}

// previousIn finds the credential whose keys are retiring.
func previousIn(r keyring.Ring, all []message.Credential) (*hospital.Identity, error) {
	v, held := inState(r, keySigning, keyring.Retiring)
	if !held {
		return nil, nil
	}
	sign, err := ecc.SigningKeyFromSeed(v.SecretBytes())
	if err != nil {
		return nil, errKeyFile
	}
	for _, c := range all {
		if c.Info.Keys.Sign.Equal(sign.Public()) {
			return identityIn(r, keyring.Retiring, c.Encode())
		}
	}
	return nil, errKeyFile
}

// identityIn is the identity whose keys are in the state; nil if they are not all there, as in a draft.
func identityIn(r keyring.Ring, s keyring.State, credential []byte) (*hospital.Identity, error) {
	signing, a := inState(r, keySigning, s)
	secret, b := inState(r, keyS, s)
	if (!a || !b) && s != keyring.Current {
		return nil, nil
	}
	sign, e1 := ecc.SigningKeyFromSeed(signing.SecretBytes())
	x, e2 := ecc.DecodeScalar(secret.SecretBytes())
	c, e3 := message.DecodeCredential(credential)
	if errors.Join(e1, e2, e3) != nil || !sign.Public().Equal(c.Info.Keys.Sign) {
		return nil, errKeyFile
	}
	return new(hospital.NewIdentity(c, sign, x)), nil
}

func inState(r keyring.Ring, name string, s keyring.State) (keyring.Version, bool) {
	for _, v := range r.Versions(name) {
		if v.State == s {
			return v, true
		}
	}
	return keyring.Version{}, false
}

// identities is hospital.IdentityKeys over the ring that an instance holds.
type identities struct {
	lease *keyroll.Lease

	mu         sync.Mutex
	generation uint64
	ids        hospital.Identities
}

// newIdentities reads the ring for the first time.
func newIdentities(l *keyroll.Lease) (*identities, error) {
	i := &identities{lease: l}
	r := l.Ring()
	ids, err := identitiesOf(r)
	i.ids, i.generation = ids, r.Generation
	return i, err
}

// Identities implements hospital.IdentityKeys. A ring whose identities cannot be read changes nothing:
// every step proves before it is written that they can.
func (i *identities) Identities() hospital.Identities {
	r := i.lease.Ring()
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.Generation != i.generation {
		if ids, err := identitiesOf(r); err == nil {
			i.ids = ids
		}
		i.generation = r.Generation
	}
	return i.ids
}

// describe says in words which credentials the ring holds keys of, for the audit trail.
func describe(r keyring.Ring) string {
	ids, err := identitiesOf(r)
	if err != nil {
		return "credential not known"
	}
	out := fmt.Sprintf("credential %d is current", ids.Current.Credential.Info.Epoch)
	if x := ids.Next; x != nil {
		out += fmt.Sprintf(", %d is accepted and waits", x.Credential.Info.Epoch)
	} else if _, drafted := inState(r, keySigning, keyring.Next); drafted {
		out += ", the keys of another one are drawn"
	}
	if x := ids.Previous; x != nil {
		v, _ := inState(r, keySigning, keyring.Retiring)
		return out + fmt.Sprintf(", the keys of %d are kept until %s at least", x.Credential.Info.Epoch, v.Until.Format(time.RFC3339))
	}
	if n := len(ids.Former); n > 0 {
		out += fmt.Sprintf(", the keys of %d are destroyed", ids.Former[n-1].Info.Epoch)
	}
	return out
}

// trusted are the keys of which one must have signed a backup of this hospital: also of former credentials.
func (k keys) trusted() (out []ecc.VerifyKey) {
	for _, c := range k.own() {
		out = append(out, c.Info.Keys.Sign)
	}
	return out
}

// own are the credentials that the hospital has and had.
func (k keys) own() []message.Credential {
	return append([]message.Credential{k.credential}, k.former...)
}
