// Package cloud is the role of the public cloud: registrar, directory and index.
//
// It issues partial keys and credentials (M0, Eq. 2-10), publishes what the
// parties must agree on, keeps one sealed entry per locator and hospital, and
// lets a doctor search them under a consent (M4, M5, Eq. 25-30). It learns no
// patient's identity from any of this: a locator is a hash of a key, and the
// consent that it sees names nobody but the doctor.
//
// Each method is one step of the protocol. It takes the canonical bytes that
// arrived, verifies all of them, and only then changes anything, through the
// ports of ports.go. The order is always: size and form, freshness, decryption
// and signatures, the replay window, the effect.
//
// All errors are *problem.Error. Every cryptographic or consent failure is
// Refused, the same outside whatever the reason.
package cloud
