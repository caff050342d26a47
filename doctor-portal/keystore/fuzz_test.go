package keystore

import (
	"bytes"
	"testing"

	"medunion/ecc"
)

// FuzzDecodeExport: of every export there is one reading, and nothing else is read.
func FuzzDecodeExport(f *testing.F) {
	f.Add(ecc.Encode(ecc.LabelDoctorExport, []byte{version}, []byte("a vault")))
	f.Add(ecc.Encode(ecc.LabelDoctorExport, []byte{version + 1}, nil))
	f.Add(ecc.Encode(ecc.LabelDoctorStore, []byte{version}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		sealed, err := decodeExport(data)
		if err == nil && !bytes.Equal(ecc.Encode(ecc.LabelDoctorExport, []byte{version}, sealed), data) {
			t.Fatalf("a second text: %x", data)
		}
	})
}

// FuzzDecodeHeader: the same for a store.
func FuzzDecodeHeader(f *testing.F) {
	binding := make([]byte, 32)
	one := wrapped{Name: Name{Kind: Passkey, CredentialID: "AA"}, key: []byte("key")}
	two := wrapped{Name: Name{Kind: Passphrase}, key: []byte("vault")}
	f.Add(ecc.Encode(ecc.LabelDoctorStore, []byte{version}, binding, encodeOpeners([]wrapped{one, two}), []byte("sealed")))
	f.Add(ecc.Encode(ecc.LabelDoctorStore, []byte{version}, binding, encodeOpeners([]wrapped{one, one}), []byte("sealed")))
	f.Add(ecc.Encode(ecc.LabelDoctorStore, []byte{version}, binding, encodeOpeners(nil), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decodeHeader(data)
		if err != nil {
			return
		}
		if len(h.openers) == 0 || len(h.openers) > maxOpeners {
			t.Fatalf("%d openers", len(h.openers))
		}
		if !bytes.Equal(ecc.Encode(ecc.LabelDoctorStore, []byte{version}, h.binding[:], encodeOpeners(h.openers), h.sealed), data) {
			t.Fatalf("a second text: %x", data)
		}
	})
}
