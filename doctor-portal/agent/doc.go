// Package agent is the headless doctor: package practice behind a REST API on
// loopback, for one doctor on one machine. It keeps her sealed store in a file, which
// it opens at its start with a passphrase, and does what the page does in a browser:
// it logs in to the portal, answers waiting patients by itself, and searches, fetches
// and sends diagnoses when it is told to.
//
// It speaks to nobody but its portal, which relays sealed messages; what the portal
// brings is verified in practice and in the role.
//
// Keys, the messages seen, and the evidence of visits outlive a restart. Visits do
// not: their session keys are kept in memory only.
package agent
