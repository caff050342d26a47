// Package telemetry is what the services measure of themselves beside their requests
// (api/httpserver): their stores, clocks, keys and audit, as Prometheus metrics.
//
// Names follow Prometheus' conventions: base units, and units in the names. No label holds
// anything that a stranger, a patient or a doctor has chosen: labels are names of checks,
// stores, commands, kinds and steps, all of them constants of the program.
package telemetry
