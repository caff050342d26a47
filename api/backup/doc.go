// Package backup writes a service's database into one file, and reads it back.
//
// The file is an age file (age-encryption.org/v1) to one or more recipients: the machine
// that backs up holds public keys only, and what it has written yesterday it cannot read.
// Inside are BSON documents end to end: a head, the documents of the collections one after
// another, and an end with the manifest, which counts and hashes every collection and is
// signed by the service. age lets anybody write who knows a recipient; the signature is
// what makes a file this service's.
//
// A backup is taken while the service works. The collections are read one after another,
// those first that refer to others: what is referred to was written before, so that it is
// in the file too. The reads wait for nothing and lock nothing; each sees what the majority
// of a replica set has. Of a collection in which lines only follow each other, sorted by
// _id, a part of the beginning is read, never one with a gap.
package backup
