package keystore

import (
	"bytes"
	"errors"
	"io"

	"medunion/api/problem"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// MaxExport is the largest export in bytes that is read.
const MaxExport = 1 << 20

// Export seals an identity, with what it is bound to, under a passphrase of its own:
// ⟨doctor export: version, vault⟩.
func Export(rand io.Reader, binding ecc.Hash, identity, passphrase []byte) ([]byte, error) {
	if len(passphrase) < MinPassphrase || len(passphrase) > maxPassphrase {
		return nil, problem.Invalid("The passphrase must have 12 to 1024 bytes.").Because(ErrPassphrase)
	}
	content := ecc.Encode(ecc.LabelList, binding[:], identity)
	defer clear(content)
	sealed, err := vault.Seal(rand, passphrase, content, vault.DefaultParams)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return ecc.Encode(ecc.LabelDoctorExport, []byte{version}, sealed), nil
}

// OpenExport is the inverse of Export. A file that is none is Invalid (ErrFormat), a
// wrong passphrase or an altered file a refusal (ErrOpener), an identity for other
// pins, another authority or another portal one too (ErrBinding).
func OpenExport(file, passphrase []byte, binding ecc.Hash) (identity []byte, err error) {
	sealed, err := decodeExport(file)
	if err != nil {
		return nil, problem.Invalid("The file is no export of a key store.").Because(err)
	}
	content, err := vault.Open(passphrase, sealed)
	switch {
	case errors.Is(err, vault.ErrFormat):
		return nil, problem.Invalid("The file is no export of a key store.").Because(ErrFormat)
	case err != nil:
		return nil, problem.Refused(errors.Join(ErrOpener, err))
	}
	defer clear(content)
	f, err := ecc.Decode(ecc.LabelList, content, 2)
	if err != nil || len(f[0]) != len(binding) {
		return nil, problem.Invalid("The file is no export of a key store.").Because(ErrFormat)
	}
	if ecc.Hash(f[0]) != binding {
		return nil, problem.Refused(ErrBinding)
	}
	return bytes.Clone(f[1]), nil
}

func decodeExport(file []byte) ([]byte, error) {
	if len(file) > MaxExport {
		return nil, ErrFormat
	}
	f, err := ecc.Decode(ecc.LabelDoctorExport, file, 2)
	if err != nil || len(f[0]) != 1 || f[0][0] != version {
		return nil, ErrFormat
	}
	return f[1], nil
}
