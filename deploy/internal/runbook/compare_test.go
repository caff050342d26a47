package runbook

import "testing"

// The comparison finds every difference that a page could hide.
func TestCompareFindsDifferences(t *testing.T) {
	const got = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: W/\"abc\"\r\nSet: a\r\nSet: b\r\n\r\n" +
		`{"id": "v-1", "n": 2, "when": "2026-03-02T09:14:07.120Z", "list": [1, {"a": true}], "none": null}`
	for shown, same := range map[string]bool{
		"HTTP/1.1 200 OK\nContent-Type: application/json\n":               true,
		"HTTP/1.1 201 Created\n":                                          false,
		"HTTP/1.1 200 OK\netag: W/\"…\"\nSet: b\n":                        true,
		"HTTP/1.1 200 OK\nETag: \"…\"\n":                                  false,
		"HTTP/1.1 200 OK\nOther: …\n":                                     false,
		"no status\n":                                                     false,
		"HTTP/1.1 200 OK\n\n{\"id\": \"v-…\", \"list\": [1, \"…\"]}":      true,
		"HTTP/1.1 200 OK\n\n{\"id\": \"w-…\"}":                            false,
		"HTTP/1.1 200 OK\n\n{\"id\": 1}":                                  false,
		"HTTP/1.1 200 OK\n\n{\"n\": 2, \"none\": null}":                   true,
		"HTTP/1.1 200 OK\n\n{\"n\": 3}":                                   false,
		"HTTP/1.1 200 OK\n\n{\"n\": \"2\"}":                               false,
		"HTTP/1.1 200 OK\n\n{\"n\": \"…\"}":                               true,
		"HTTP/1.1 200 OK\n\n{\"more\": \"…\"}":                            false,
		"HTTP/1.1 200 OK\n\n{\"when\": \"2001-01-01T00:00:00.000Z\"}":     true,
		"HTTP/1.1 200 OK\n\n{\"when\": \"2001-01-01T00:00:00Z\"}":         true,
		"HTTP/1.1 200 OK\n\n{\"when\": \"2026-03-02T10:14:07.12+01:00\"}": false,
		"HTTP/1.1 200 OK\n\n{\"list\": [1]}":                              false,
		"HTTP/1.1 200 OK\n\n{\"list\": [1, {\"a\": true}, \"…\"]}":        true,
		"HTTP/1.1 200 OK\n\n{\"list\": [1, {\"a\": false}]}":              false,
		"HTTP/1.1 200 OK\n\n{\"list\": [1, {\"a\": true}, 3, \"…\"]}":     false,
		"HTTP/1.1 200 OK\n\n{\"list\": {}}":                               false,
		"HTTP/1.1 200 OK\n\n{\"list\": {\"a\": true}}":                    false,
		"HTTP/1.1 200 OK\n\n[\"…\"]":                                      false,
		"HTTP/1.1 200 OK\n\n{\"id\": ":                                    false,
	} {
		if err := compareHTTP(shown, got); (err == nil) != same {
			t.Errorf("%q: %v", shown, err)
		}
	}
	if compareHTTP("HTTP/1.1 200 OK\n\n{}", "HTTP/1.1 200 OK\n\nno JSON") == nil {
		t.Error("a body that is no JSON fits")
	}
}
