package strictjwt

// VerifyDirectly is Verify as a browser does it.
func VerifyDirectly(token []byte, typ string, keys Keys, claims any) error {
	return verify(token, typ, keys, claims, verifyDirectly)
}
