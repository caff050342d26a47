package server

import (
	"errors"
	"fmt"

	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
)

// Root n of the public cloud, counted from 0, is version n+1 of the three keys master,
// hedge and signing. The fields PK and PUK_C are the first root's public keys, which stay when its
// secrets are destroyed; fieldSuccessions holds what led from it to the others.
const fieldSuccessions = "successions"

var rootKeyNames = []string{keyMaster, keyHedge, keySigning}

// anyID is for who does not know ID_PC: the successions say it.
const anyID message.ID = ""

// rootsOf reads the roots of a ring: the chain, which must hold, and the secrets that are
// there, each of which must be of the root of its number.
func rootsOf(r keyring.Ring, id message.ID) (cloud.Roots, error) {
	pins, err := pinsOf(r, id)
	if err != nil {
		return cloud.Roots{}, err
	}
	all := []message.Root{pins.First}
	for _, s := range pins.Successions() {
		all = append(all, s.Statement().New)
	}
	out := cloud.Roots{Pins: pins}
	if len(r.Versions(keyMaster)) != len(all) {
		return out, errKeyFile
	}
	for _, v := range r.Versions(keyMaster) {
		if v.State == keyring.Destroyed {
			continue
		}
		root, err := ownRoot(r, v.Number)
		if err != nil || int(v.Number) > len(all) || !root.Public().Equal(all[v.Number-1]) {
			return out, errKeyFile
		}
		out.Held = append(out.Held, root)
	}
	return out, nil
}

func pinsOf(r keyring.Ring, id message.ID) (message.Pins, error) {
	p := message.Pins{CloudID: id}
	var err1, err2 error
	p.First.PK, err1 = ecc.DecodePoint(r.Field(fieldPK))
	p.First.PUKC, err2 = ecc.DecodeVerifyKey(r.Field(fieldPUKC))
	if err1 != nil || err2 != nil {
		return p, errKeyFile
	}
	if r.Field(fieldSuccessions) == nil {
		return p, nil
	}
	list, err := ecc.DecodeList(ecc.LabelList, r.Field(fieldSuccessions), maxSuccessions)
	if err != nil {
		return p, errKeyFile
	}
	links, err := message.DecodeSuccessions(list)
	if err != nil {
		return p, errKeyFile
	}
	if id == anyID && len(links) > 0 {
		p.CloudID = links[0].Statement().CloudID
	}
	if p, err = p.Extend(links...); err != nil {
		return p, fmt.Errorf("%w: %w", errKeyFile, err)
	}
	return p, nil
}

const maxSuccessions = 256

// ownRoot takes version n of the three keys.
func ownRoot(r keyring.Ring, n uint32) (cloud.OwnRoot, error) {
	var secret [3][]byte
	for i, name := range rootKeyNames {
		v, err := r.Version(name, n)
		if err != nil || v.State == keyring.Destroyed {
			return cloud.OwnRoot{}, errKeyFile
		}
		secret[i] = v.SecretBytes()
	}
	master, err1 := ecc.DecodeScalar(secret[0])
	signing, err2 := ecc.SigningKeyFromSeed(secret[2])
	if err := errors.Join(err1, err2); err != nil {
		return cloud.OwnRoot{}, err
	}
	issuer, err := ecc.NewIssuer(master, secret[1])
	return cloud.OwnRoot{Issuer: issuer, SigningKey: signing}, err
}
