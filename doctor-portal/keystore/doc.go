// Package keystore is the doctor's sealed store: her identity, the ids of messages
// that she has answered, and the evidence of her visits, in files that only an opener
// opens.
//
// One random store key seals everything (XChaCha20-Poly1305). Each opener wraps the
// store key: a passphrase through Argon2id (ecc/vault), a passkey through HKDF-SHA256
// of the 32-byte output of its PRF extension, bound to the id of its credential. So an
// opener is added or removed without sealing anything anew, and a write, one for each
// patient, costs no key derivation.
//
// The file "store" is ⟨doctor store: version, binding, ⟨list: opener*⟩, sealed⟩ with
// opener = ⟨doctor store opener: kind, credential id, wrapped key⟩. Binding is a hash of
// what the store was made for: the public cloud's pins, the medical authority and the
// portal. It and the openers are associated data of the sealed content, so that neither
// changes unnoticed. Each visit's evidence is a file of its own, "evidence-" and its id.
//
// Promises: Accept and Keep return only once what they were given is durable. Close
// overwrites the store key. What a copy of the files made earlier still opens with, it
// opens with: removing an opener does not reach copies, nor does a new passphrase.
//
// An export is ⟨doctor export: version, vault⟩, the identity and the binding under a
// passphrase of its own. It holds no prekeys: their erasure after a day is what keeps a
// recorded M1 closed, and a file that lies in a drawer would undo that. It holds no ids
// of answered messages either, for without those prekeys none of them opens again.
package keystore
