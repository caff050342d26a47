// Package keystore is the doctor's sealed store: her identity, the ids of messages
// that she has answered, and the evidence of her visits, in files that only an opener
// opens.
package keystore
