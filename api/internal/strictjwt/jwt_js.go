package strictjwt

import "medunion/ecc"

func verifySignature(token string, signature []byte, key ecc.VerifyKey) error {
	return verifyDirectly(token, signature, key)
}
