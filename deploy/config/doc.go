// Package config holds example settings of each service, beside those of the balancer, and
// the test that loads every configuration file that is shipped.
package config
