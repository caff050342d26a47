// Package agent is the headless doctor: the doctor's role behind a REST API on
// loopback, for one doctor on one machine. It keeps her keys in a sealed file, logs
// in to the portal, answers waiting patients by itself, and searches, fetches and
// sends diagnoses when it is told to.
//
// It speaks to nobody but its portal, which relays sealed messages; what the
// portal brings is verified here: prekeys, directory and revocation list under the
// pinned PUK_C, every message under the keys of its sender.
//
// Keys, the messages seen, and the evidence of visits outlive a restart. Visits do
// not: their session keys are kept in memory only.
package agent
