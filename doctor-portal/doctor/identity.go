package doctor

import (
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// New draws a doctor's keys of the given suite. The next step is a certificate
// request to the medical authority, for Cert_D certifies these keys.
func New(cfg Config, suite ecc.Suite, id message.ID) (*Doctor, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if !suite.Valid() || !id.Valid() {
		return nil, problem.Invalid("The suite or the doctor's identifier is not valid.")
	}
	sign, err := ecc.GenerateSigningKey(cfg.Rand)
	if err != nil {
		return nil, problem.Internal(err)
	}
	kem, err := ecc.GenerateKEM(suite, cfg.Rand)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return &Doctor{cfg: cfg, suite: suite, id: id, sign: sign, kem: kem}, nil
}

// Export returns the whole identity in canonical bytes: ⟨doctor identity: suite,
// ID_D, PRK_D, Cert_D, x_D, Cert_D in use, Cred_D, S_D, prekeys⟩, an empty field for
// what is not there yet. It is all of the doctor's secrets: seal it (ecc/vault), never log it.
func (d *Doctor) Export() []byte { return d.export(true) }

// ExportIdentity is Export without the prekeys: what another workstation of the same
// doctor takes over. A prekey stays where it was made, so that each M1 opens in one
// place, and no longer than its day.
func (d *Doctor) ExportIdentity() []byte { return d.export(false) }

func (d *Doctor) export(withPrekeys bool) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var certificate, credential, s []byte
	if d.self != nil {
		certificate, credential, s = d.self.certificate, d.self.credential.Encode(), d.self.s.SecretBytes()
	}
	var prekeys [][]byte
	if withPrekeys {
		for _, p := range d.prekeys {
			prekeys = append(prekeys, p.encode())
		}
	}
	return ecc.Encode(ecc.LabelDoctorIdentity, []byte{byte(d.suite)}, []byte(d.id), d.sign.Seed(), d.kem.SecretBytes(),
		d.certificate, d.x.SecretBytes(), certificate, credential, s, ecc.Encode(ecc.LabelList, prekeys...))
}

// Load is the inverse of Export. It fails with Invalid for other bytes and with a
// refusal if the parts do not belong together. An expired certificate loads: its
// doctor can still make a certificate request.
func Load(cfg Config, exported []byte) (*Doctor, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	f, err := ecc.Decode(ecc.LabelDoctorIdentity, exported, 10)
	if err != nil || len(f[0]) != 1 || !message.ID(f[1]).Valid() {
		return nil, badIdentity(err)
	}
	d := &Doctor{cfg: cfg, suite: ecc.Suite(f[0][0]), id: message.ID(f[1])}
	if err := d.loadKeys(f[2], f[3], f[5]); err != nil {
		return nil, badIdentity(err)
	}
	if err := d.loadPrekeys(f[9]); err != nil {
		return nil, badIdentity(err)
	}
	if len(f[4]) > 0 {
		d.certificate = f[4]
	}
	if len(f[7]) == 0 {
		return d, nil
	}
	if err := d.loadRegistration(f[6], f[7], f[8]); err != nil {
		return nil, err
	}
	return d, nil
}

func badIdentity(cause error) error {
	return problem.Invalid("The doctor's identity cannot be read.").Because(cause)
}

func (d *Doctor) loadKeys(seed, kem, x []byte) (err error) {
	if d.sign, err = ecc.SigningKeyFromSeed(seed); err != nil {
		return err
	}
	if d.kem, err = ecc.DecodeKEMPrivateKey(d.suite, kem); err != nil {
		return err
	}
	if len(x) > 0 {
		d.x, err = ecc.DecodeScalar(x)
	}
	return err
}

func (d *Doctor) loadPrekeys(list []byte) error {
	f, err := ecc.DecodeList(ecc.LabelList, list, maxPrekeys)
	if err != nil {
		return err
	}
	for _, b := range f {
		p, err := decodePrekey(d.suite, b)
		if err != nil {
			return err
		}
		d.prekeys = append(d.prekeys, p)
	}
	return nil
}

func (d *Doctor) loadRegistration(certificate, credential, s []byte) error {
	cred, err := message.DecodeCredential(credential)
	if err != nil {
		return badIdentity(err)
	}
	secret, err := ecc.DecodeScalar(s)
	if err != nil {
		return badIdentity(err)
	}
	return d.restore(certificate, cred, secret)
}
