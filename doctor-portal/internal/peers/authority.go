//go:build !js

package peers

import (
	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/ecc"
)

// Authority is a medical authority.
type Authority = doctorcert.Issuer

func (w *World) newAuthority() (*Authority, message.CertificateVerifier) {
	a := Must(doctorcert.NewIssuer(AuthorityName, Must(ecc.GenerateSigningKey(w.Rand)), CertificateLife, w.Rand))
	return a, Must(doctorcert.NewAuthority(AuthorityName, Must(a.JWKS()))).Verify
}
