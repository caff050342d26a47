// Package observability holds what a Prometheus and a Grafana need to watch the services:
// alert rules with their unit tests, dashboards, and an example of a configuration. Its
// tests hold them against the services and the runbooks.
package observability
