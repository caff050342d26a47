package httpserver

import (
	"encoding/base64"
	"slices"
	"strconv"

	"medunion/api/problem"
)

// PageSize is how many items a list answers with at most, and by default.
const PageSize = 1000

var errCursor = problem.Invalid("The cursor is none of this list.").Coded("cursor-unknown")

// Cursor is the opaque text that stands for the place behind an item, by its key.
func Cursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// CursorKey is the key in a cursor. Its error is Invalid.
func CursorKey(cursor string) (string, error) {
	key, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(key) == 0 {
		return "", errCursor
	}
	return string(key), nil
}

// Stretch is a page of what is numbered without gaps: its first number, and how many.
type Stretch struct {
	From  uint64
	Limit int
}

// NewStretch reads the parameters of such a list: the cursor, else from. Its error is Invalid.
func NewStretch(from *int64, limit *int, cursor *string) (Stretch, error) {
	s := Stretch{Limit: size(limit)}
	if from != nil {
		s.From = uint64(max(*from, 0))
	}
	if cursor == nil {
		return s, nil
	}
	key, err := CursorKey(*cursor)
	if err != nil {
		return s, err
	}
	if s.From, err = strconv.ParseUint(key, 10, 63); err != nil {
		return s, errCursor
	}
	return s, nil
}

// Next is the cursor behind a page that holds so many: nil if that was not full.
func (s Stretch) Next(found int) *string {
	if found < s.Limit {
		return nil
	}
	c := Cursor(strconv.FormatUint(s.From+uint64(found), 10))
	return &c
}

func size(limit *int) int {
	if limit == nil {
		return PageSize
	}
	return min(max(*limit, 1), PageSize)
}

// Page takes a page out of a list: up to limit items behind the one at which the cursor
// stands, and the cursor of what follows, nil at the end. A list that grows at its front
// shows nothing twice. Its error is Invalid.
func Page[T any](items []T, key func(T) string, limit *int, cursor *string) (page []T, next *string, err error) {
	from := 0
	if cursor != nil {
		last, err := CursorKey(*cursor)
		if err != nil {
			return nil, nil, err
		}
		if from = slices.IndexFunc(items, func(x T) bool { return key(x) == last }) + 1; from == 0 {
			return nil, nil, errCursor
		}
	}
	end := min(from+size(limit), len(items))
	page = items[from:end]
	if end < len(items) {
		c := Cursor(key(page[len(page)-1]))
		next = &c
	}
	return page, next, nil
}
