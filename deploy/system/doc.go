// Package system tests the suite as a whole: its processes killed while they write,
// what stands in its files, logs, metrics and Redis after visits, the database of the
// public cloud as a thief reads it, the start and stop of deploy/up, bad input at every
// address, and who may use which route.
//
// The tests start their own processes and kill those only, speak over loopback only,
// and leave out what takes long under "go test -short".
package system
