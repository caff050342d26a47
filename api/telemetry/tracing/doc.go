// Package tracing exports traces of what one service does, by OTLP over HTTP, to the
// collector of that service's own operator.
//
// A trace ends at the wall of its service. What the parties of the protocol keep apart, who
// visits whom and which hospitals hold her record, a trace that goes from one to the next
// would join; so nothing of a trace goes along with a request, and what comes along with one
// (traceparent, tracestate, baggage) is never read. There is no setting for that.
//
// Spans are named by the pattern of a route or the name of a command, carry only attributes
// of an allow-list, all of them constants of the program, and no events, links or texts of
// errors. Request ids are not among them: the log names the trace instead.
package tracing
