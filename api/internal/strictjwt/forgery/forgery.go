// Package forgery makes false tokens out of a true one, for the tests of every
// package that verifies tokens.
package forgery

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"medunion/ecc"
)

// Sign makes a compact token of exactly these bytes, signed.
func Sign(key ecc.SigningKey, header, claims string) []byte {
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	return []byte(input + "." + encode(key.Sign([]byte(input))))
}

// Parts are the decoded header and claims of a token.
func Parts(t testing.TB, token []byte) (header, claims string) {
	t.Helper()
	texts := strings.Split(string(token), ".")
	if len(texts) != 3 {
		t.Fatalf("a token of %d parts", len(texts))
	}
	var out [2]string
	for i := range out {
		raw, err := base64.RawURLEncoding.DecodeString(texts[i])
		if err != nil {
			t.Fatal(err)
		}
		out[i] = string(raw)
	}
	return out[0], out[1]
}

// With returns a JSON object's text with one member set to the JSON text value;
// an empty value removes it.
func With(t testing.TB, object, name, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	delete(members, name)
	if value != "" {
		members[name] = json.RawMessage(value)
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// All are tokens that no verifier may accept, by what is wrong with them. token
// is one that it accepts, signed by key.
func All(t testing.TB, token []byte, key ecc.SigningKey) map[string][]byte {
	t.Helper()
	f := forger{t: t, key: key, token: string(token), out: map[string][]byte{}}
	f.header, f.claims = Parts(t, token)
	f.algorithms()
	f.headers()
	f.signatures()
	f.payloads()
	f.texts()
	return f.out
}

type forger struct {
	t                     testing.TB
	key                   ecc.SigningKey
	token, header, claims string
	out                   map[string][]byte
}

func (f *forger) signed(name, header, claims string) { f.out[name] = Sign(f.key, header, claims) }

func (f *forger) algorithms() {
	for _, alg := range []string{"none", "None", "nOnE", ""} {
		header := With(f.t, f.header, "alg", fmt.Sprintf("%q", alg))
		input := encode([]byte(header)) + "." + encode([]byte(f.claims)) + "."
		f.out["alg "+alg+" without signature"] = []byte(input)
		f.out["alg "+alg+" with a signature"] = []byte(input + encode(make([]byte, 64)))
		f.signed("alg "+alg+" signed", header, f.claims)
	}
	for _, alg := range []string{"eddsa", "Ed25519", "ES256", "RS256", "HS256"} {
		f.signed("alg "+alg+" signed", With(f.t, f.header, "alg", fmt.Sprintf("%q", alg)), f.claims)
	}
	public := f.key.Public().Bytes()
	for name, secret := range map[string][]byte{"bytes": public, "text": []byte(encode(public))} {
		header := With(f.t, f.header, "alg", `"HS256"`)
		input := encode([]byte(header)) + "." + encode([]byte(f.claims))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		f.out["HS256 with the public key's "+name] = []byte(input + "." + encode(mac.Sum(nil)))
	}
	f.signed("no alg", With(f.t, f.header, "alg", ""), f.claims)
	f.signed("alg of a wrong type", With(f.t, f.header, "alg", `["EdDSA"]`), f.claims)
}

func (f *forger) headers() {
	for _, typ := range []string{"JWT", "at+jwt", "Doctor-Cert+JWT", ""} {
		f.signed("typ "+typ, With(f.t, f.header, "typ", fmt.Sprintf("%q", typ)), f.claims)
	}
	f.signed("no typ", With(f.t, f.header, "typ", ""), f.claims)
	f.signed("no kid", With(f.t, f.header, "kid", ""), f.claims)
	f.signed("empty kid", With(f.t, f.header, "kid", `""`), f.claims)
	f.signed("unknown kid", With(f.t, f.header, "kid", `"other"`), f.claims)
	for name, value := range map[string]string{
		"jku": `"https://evil.example/jwks"`, "x5u": `"https://evil.example/cert"`, "x5c": `["AAAA"]`, "crit": `["exp"]`, "b64": `false`,
		"cty": `"JWT"`, "zip": `"DEF"`, "enc": `"A128GCM"`, "jwk": `{"kty":"OKP","crv":"Ed25519","x":"` + encode(f.key.Public().Bytes()) + `"}`,
	} {
		f.signed("header "+name, With(f.t, f.header, name, value), f.claims)
	}
	f.signed("kid twice", `{"kid":"other",`+f.header[1:], f.claims)
	f.signed("alg twice", f.header[:len(f.header)-1]+`,"alg":"none"}`, f.claims)
	f.signed("header with data behind it", f.header+"{}", f.claims)
	f.signed("header is a list", "["+f.header+"]", f.claims)
	f.signed("header is null", "null", f.claims)
}

func (f *forger) signatures() {
	i := strings.LastIndexByte(f.token, '.')
	input, text := f.token[:i+1], f.token[i+1:]
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		f.t.Fatal(err)
	}
	put := func(name string, sig []byte) { f.out[name] = []byte(input + encode(sig)) }
	put("signature cut short", raw[:63])
	put("signature too long", append(bytes.Clone(raw), 0))
	put("signature of zeros", make([]byte, 64))
	put("signature with S + L", malleated(raw))
	for _, at := range []int{0, 31, 32, 63} {
		flipped := bytes.Clone(raw)
		flipped[at] ^= 1
		put(fmt.Sprintf("signature with byte %d changed", at), flipped)
	}
	other, err := ecc.SigningKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.t.Fatal(err)
	}
	f.out["signed by another key under the same kid"] = Sign(other, f.header, f.claims)
}

// malleated adds the group's order to S: a verifier that does not reduce
// accepts both (RFC 8032, section 5.1.7 forbids it).
func malleated(sig []byte) []byte {
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	s := bytes.Clone(sig[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(bytes.Clone(sig[:32]), sum...)
}

func (f *forger) payloads() {
	texts := strings.Split(f.token, ".")
	edited := []byte(f.claims)
	edited[len(edited)/2] ^= 1
	f.out["payload edited"] = []byte(texts[0] + "." + encode(edited) + "." + texts[2])
	f.signed("claim twice", f.header, `{"iat":1,`+f.claims[1:])
	f.signed("claim twice by escape", f.header, `{"\u0069at":1,`+f.claims[1:])
	f.signed("claim in capitals", f.header, `{"EXP":9999999999,`+f.claims[1:])
	f.signed("unknown claim", f.header, With(f.t, f.claims, "admin", "true"))
	f.signed("payload with data behind it", f.header, f.claims+"{}")
	f.signed("payload is a list", f.header, "["+f.claims+"]")
	f.signed("payload is null", f.header, "null")
	f.signed("payload is a text", f.header, `"claims"`)
	f.signed("payload of nothing", f.header, "{}")
	f.signed("payload is no UTF-8", f.header, strings.Replace(f.claims, `":"`, "\":\"\xff", 1))
	for _, name := range []string{"iat", "nbf", "exp", "iss", "sub", "jti"} {
		f.signed("no "+name, f.header, With(f.t, f.claims, name, ""))
		f.signed(name+" is null", f.header, With(f.t, f.claims, name, "null"))
		f.signed(name+" is a list", f.header, With(f.t, f.claims, name, "[]"))
	}
	for _, value := range []string{"1.5", `"1700000000"`, "1e400", "-1", "0", "9223372036854775807", "99999999999999999999"} {
		for _, name := range []string{"iat", "nbf", "exp"} {
			f.signed(name+" is "+value, f.header, With(f.t, f.claims, name, value))
		}
	}
}

func (f *forger) texts() {
	parts := strings.Split(f.token, ".")
	for i := range parts {
		change := func(name, text string) {
			p := slices.Clone(parts)
			p[i] = text
			f.out[fmt.Sprintf("part %d %s", i, name)] = []byte(strings.Join(p, "."))
		}
		change("padded", parts[i]+"=")
		change("padded twice", parts[i]+"==")
		change("with a space", parts[i]+" ")
		change("with a line break", parts[i]+"\n")
		change("with a line break inside", parts[i][:4]+"\r\n"+parts[i][4:])
		change("empty", "")
		if len(parts[i])%4 != 0 {
			change("with stray bits", stray(parts[i]))
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "dots": "..", "two parts": parts[0] + "." + parts[1], "four parts": f.token + ".AAAA", "five parts": f.token + "..",
		"space before": " " + f.token, "line break behind": f.token + "\n", "with its scheme": "Bearer " + f.token, "NUL behind": f.token + "\x00",
		"JSON serialization": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"very long":          f.token + strings.Repeat("A", 8<<10),
	} {
		f.out[name] = []byte(text)
	}
	f.signed("claims that are very long", f.header, f.claims[:len(f.claims)-1]+strings.Repeat(" ", 8<<10)+"}")
}

// stray changes bits of the last character that stand for nothing.
func stray(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + alphabet[last^1:last^1+1]
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
