package fhirbundle

import "iter"

// The functions here find their way in texts that Check has passed; on any
// other text their results mean nothing.

// members yields the names and values of an object in source order. A value
// is the exact slice of the text.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		pos := skipSpace(object, 1)
		for object[pos] != '}' {
			end := skipValue(object, pos)
			name := nameBytes(object[pos:end])
			pos = skipSpace(object, skipSpace(object, end)+1)
			end = skipValue(object, pos)
			if !yield(string(name), object[pos:end]) {
				return
			}
			pos = skipComma(object, end)
		}
	}
}

// elements yields the elements of an array with their index.
func elements(array []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		pos := skipSpace(array, 1)
		for i := 0; array[pos] != ']'; i++ {
			end := skipValue(array, pos)
			if !yield(i, array[pos:end]) {
				return
			}
			pos = skipComma(array, end)
		}
	}
}

func skipSpace(text []byte, pos int) int {
	for text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\n' || text[pos] == '\r' {
		pos++
	}
	return pos
}

func skipComma(text []byte, pos int) int {
	pos = skipSpace(text, pos)
	if text[pos] == ',' {
		pos = skipSpace(text, pos+1)
	}
	return pos
}

func skipValue(text []byte, pos int) int {
	switch text[pos] {
	case '"':
		return skipString(text, pos)
	case '{', '[':
		return skipNested(text, pos)
	}
	for pos < len(text) {
		switch text[pos] {
		case ',', ']', '}', ' ', '\t', '\n', '\r':
			return pos
		}
		pos++
	}
	return pos
}

func skipString(text []byte, pos int) int {
	for pos++; text[pos] != '"'; pos++ {
		if text[pos] == '\\' {
			pos++
		}
	}
	return pos + 1
}

func skipNested(text []byte, pos int) int {
	depth := 0
	for {
		switch text[pos] {
		case '"':
			pos = skipString(text, pos)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		pos++
		if depth == 0 {
			return pos
		}
	}
}
