package system_test

import "net/http/httptest"

// collector receives the traces of one party.
type collector struct{ *httptest.Server }
