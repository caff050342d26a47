// Package scale tests the services as a large site runs them: two instances of each
// behind HAProxy, Redis as a cluster or watched by Sentinels, and parts of it killed in
// mid-visit. A visit is then completed, or cleanly refused and completed on retry, and
// nothing is accepted twice.
//
// The services are their own programs, the balancer runs deploy/config/haproxy.cfg, and
// Redis is Debian's. MongoDB is the embedded server unless MONGODB_URI names another.
package scale
