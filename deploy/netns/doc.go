// Package netns runs both clouds for real: the public cloud with its portal, a hospital,
// and the people, each in a network namespace of its own, joined by veth pairs. The
// services are their own programs, with their own stores beside them, and speak TLS with
// each other under lists of peers. What goes wrong between them is made with nftables and
// with a slow wire; every outcome must be a completed visit or a clean refusal.
//
// Clocks that differ are not made here: the programs read the machine's, and time namespaces
// do not move it. The roles' and the replay window's own tests set them apart.
//
// Its tests need root, iproute2 and nftables, and skip where namespaces cannot be made.
package netns
