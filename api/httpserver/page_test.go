package httpserver_test

import (
	"fmt"
	"slices"
	"testing"

	"medunion/api/httpserver"
	"medunion/api/problem"
)

// walk follows the cursors to the end; between two pages something may happen.
func walk(t *testing.T, items func() []string, limit int, between func()) (all []string) {
	t.Helper()
	for cursor := (*string)(nil); ; {
		page, next, err := httpserver.Page(items(), func(s string) string { return s }, &limit, cursor)
		if err != nil || len(page) > limit {
			t.Fatal(err, page)
		}
		if all = append(all, page...); next == nil {
			return all
		}
		cursor = next
		between()
	}
}

func TestPage(t *testing.T) {
	var list []string
	for i := range 7 {
		list = append(list, fmt.Sprint("item/", i))
	}
	for limit := 1; limit < 9; limit++ {
		if got := walk(t, func() []string { return list }, limit, func() {}); !slices.Equal(got, list) {
			t.Errorf("by %d: %v", limit, got)
		}
	}
	// What is new in front of the list shows nothing twice.
	grown := list
	got := walk(t, func() []string { return grown }, 3, func() { grown = append([]string{fmt.Sprint("new", len(grown))}, grown...) })
	if !slices.Equal(got, list) {
		t.Errorf("while it grows: %v", got)
	}
	for _, cursor := range []string{"", "%", "bm9uZQ", "bm9uZR"} {
		if _, _, err := httpserver.Page(list, func(s string) string { return s }, nil, &cursor); problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%q: %v", cursor, err)
		}
	}
	if page, next, err := httpserver.Page([]string{}, func(s string) string { return s }, nil, nil); err != nil || next != nil || page == nil || len(page) != 0 {
		t.Error(page, next, err)
	}
}

func TestStretch(t *testing.T) {
	from, limit := int64(5), 10
	s, err := httpserver.NewStretch(&from, &limit, nil)
	if err != nil || s.From != 5 || s.Limit != 10 || s.Next(9) != nil {
		t.Fatal(s, err)
	}
	next, err := httpserver.NewStretch(&from, nil, s.Next(10))
	if err != nil || next.From != 15 || next.Limit != httpserver.PageSize {
		t.Error(next, err)
	}
	for _, key := range []string{"-1", "x", "99999999999999999999", ""} {
		c := httpserver.Cursor(key)
		if _, err := httpserver.NewStretch(nil, nil, &c); problem.KindOf(err) != problem.KindInvalid {
			t.Errorf("%q: %v", key, err)
		}
	}
}
