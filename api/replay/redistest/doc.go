// Package redistest starts real redis-server processes on free loopback ports for tests, and breaks them:
// kill -9, restart, stop and continue, cut replication links, Sentinels, a cluster.
//
// Only tests import it. Everything it starts ends with the test, or, of Shared, with the process. Where redis-server is not installed the
// test is skipped, and says so.
package redistest
