package fhirbundle

import (
	"encoding/json"
	"fmt"
)

// MaxPage is the size of one page of a released record, in bytes: it leaves
// room for the message around it below the body limit of 4 MiB.
const MaxPage = 2 << 20

const (
	head = `{"resourceType":"Bundle","type":"collection"`
	open = `,"entry":[`
	shut = `]`
	tail = `}`
)

// Collection builds a collection Bundle of the entries in their order, the
// resources spliced in unchanged. Each Resource must be one checked JSON
// object, as Decode, Split and NewEntry return it; Type, ID and Method are not
// written. A Bundle without entries has no member "entry", since FHIR forbids
// empty arrays.
func Collection(entries []Entry) []byte {
	out := make([]byte, 0, size(entries))
	out = append(out, head...)
	for i, e := range entries {
		if i == 0 {
			out = append(out, open...)
		} else {
			out = append(out, ',')
		}
		out = append(out, prefix(e)...)
		out = append(out, e.Resource...)
		out = append(out, tail...)
	}
	if len(entries) > 0 {
		out = append(out, shut...)
	}
	return append(out, tail...)
}

// Split is the inverse of Collection: it returns the entries of a collection
// Bundle with their exact bytes, which alias bundle. Errors are as Decode's; a
// Bundle of another type is refused.
func Split(bundle []byte) ([]Entry, error) {
	b, err := Decode(bundle)
	if err != nil {
		return nil, err
	}
	if b.Type != "collection" {
		return nil, fmt.Errorf("%w: the type is not collection", ErrFormat)
	}
	return b.Entries, nil
}

// Pages divides the entries, in their order, into as few runs as can be of
// which Collection makes at most maxBytes each. It fails if a single entry is
// larger than that. No entries make no page.
func Pages(entries []Entry, maxBytes int) ([][]Entry, error) {
	var pages [][]Entry
	start, used := 0, 0
	for i, e := range entries {
		n := 1 + entrySize(e) // with the comma before it
		if i > start && used+n > maxBytes {
			pages = append(pages, entries[start:i:i])
			start = i
		}
		if i == start {
			used = size(entries[i : i+1])
			if used > maxBytes {
				return nil, fmt.Errorf("entry %d needs a page of %d bytes, the limit is %d", i, used, maxBytes)
			}
			continue
		}
		used += n
	}
	if start < len(entries) {
		pages = append(pages, entries[start:])
	}
	return pages, nil
}

// prefix is what stands before the resource of an entry.
func prefix(e Entry) string {
	if e.FullURL == "" {
		return `{"resource":`
	}
	url, _ := json.Marshal(e.FullURL) // a string always encodes
	return `{"fullUrl":` + string(url) + `,"resource":`
}

func entrySize(e Entry) int {
	return len(prefix(e)) + len(e.Resource) + len(tail)
}

// size is the exact length of Collection(entries).
func size(entries []Entry) int {
	n := len(head) + len(tail)
	if len(entries) == 0 {
		return n
	}
	n += len(open) + len(shut) + len(entries) - 1
	for _, e := range entries {
		n += entrySize(e)
	}
	return n
}
