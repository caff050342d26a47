package drill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever looks for a page at three in the morning finds it: the index names every one.
func TestIndex(t *testing.T) {
	index := string(must(os.ReadFile(page("README.md")))(t))
	for _, path := range must(filepath.Glob(page("*.md")))(t) {
		if name := filepath.Base(path); name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("the index of the runbooks does not name %s", name)
		}
	}
}
