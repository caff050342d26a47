package httpserver

import (
	"testing"

	"medunion/api/certs"
)

// Who asks before there is a list finds nobody in it.
func TestNoListHoldsNobody(t *testing.T) {
	if p := new(Peers).find(certs.Pin{}); p != nil {
		t.Errorf("found %v", p)
	}
}
