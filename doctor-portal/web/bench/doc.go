// Package bench measures in a real Chromium what a record of 50, 500 and 5,000 resources
// costs its reader: the time until the first content is painted, until all of it is read,
// and of a search, a tab and a scroll. Its page is built apart and never shipped.
//
//	go test -bench . ./doctor-portal/web/bench
//
// Each run measures the record of 50 beside the larger one, so that the ratios say
// something on a busy machine too. Without Node, its packages and Chromium it is skipped.
package bench
