package store

import (
	"sort"

	"github.com/256dpi/lungo/bsonkit"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/query"
)

// condition is what a filter demands of one path, as far as an index can use it.
type condition struct {
	points    []any // equal to one of these; nil if there is no such demand
	low, high *limit
}

type limit struct {
	value     any
	inclusive bool
}

// conditionsOf collects the demands that every matching document meets. What it leaves out
// ($or, $ne, null, arrays) costs speed only, because each candidate is matched in full.
func conditionsOf(filter bson.D) map[string]*condition {
	found := map[string]*condition{}
	collectConditions(filter, found)
	return found
}

func collectConditions(filter bson.D, found map[string]*condition) {
	for _, e := range filter {
		if e.Key == "$and" {
			for _, branch := range e.Value.(bson.A) {
				collectConditions(branch.(bson.D), found)
			}
			continue
		}
		if found[e.Key] == nil {
			found[e.Key] = &condition{}
		}
		if operators, ok := query.IsOperators(e.Value); ok {
			for _, o := range operators {
				found[e.Key].add(o.Key, o.Value)
			}
		} else {
			found[e.Key].add("$eq", e.Value)
		}
	}
}

func (c *condition) add(operator string, v any) {
	if !searchable(v) && operator != "$in" {
		return
	}
	switch operator {
	case "$eq":
		c.points = []any{v}
	case "$in":
		c.addPoints(v.(bson.A))
	case "$gt", "$gte":
		c.low = &limit{v, operator == "$gte"}
	case "$lt", "$lte":
		c.high = &limit{v, operator == "$lte"}
	}
}

func (c *condition) addPoints(values bson.A) {
	for _, v := range values {
		if !searchable(v) {
			return
		}
	}
	if len(c.points) != 1 { // a single point is the better demand
		c.points = append([]any{}, values...)
	}
}

// searchable leaves out the values that match more documents than those that stand under
// them: null matches a missing field, and an array matches as a whole, too.
func searchable(v any) bool {
	class, _ := bsonkit.Inspect(v)
	return class != bsonkit.Null && class != bsonkit.Array
}

// keyRange is a stretch of an index.
type keyRange struct{ low, high entry }

// ranges are the stretches of an index that hold every document of interest.
type ranges struct {
	stretches []keyRange
	equal     int  // leading columns that are fixed to one value
	bounded   bool // some leading column is limited at all
}

// rangesFor narrows x as far as the conditions allow: leading columns with points, then one with limits.
func rangesFor(x *index, conditions map[string]*condition) ranges {
	r, prefixes, single := ranges{}, [][]any{{}}, true
	for i, column := range x.columns {
		c := conditions[column.Path]
		if c == nil || c.points == nil || !single && len(c.points) > 1 {
			r.stretches = limited(x, i, prefixes, c)
			r.bounded = i > 0 || c != nil && (c.low != nil || c.high != nil)
			return r
		}
		prefixes = product(prefixes, c.points)
		if single = single && len(c.points) == 1; single {
			r.equal++
		}
	}
	r.stretches, r.bounded = limited(x, len(x.columns), prefixes, nil), true
	return r
}

// limited makes one stretch per prefix, narrowed by c on column i.
func limited(x *index, i int, prefixes [][]any, c *condition) []keyRange {
	var out []keyRange
	for _, p := range prefixes {
		r := keyRange{entry{key: p, bound: -1}, entry{key: p, bound: +1}}
		if c != nil {
			r = r.narrowed(x, i, c)
		}
		out = append(out, r)
	}
	return out
}

// narrowed applies the limits of c to column i. In a multikey index different elements of an
// array may meet the two limits, so that only one of them can be used.
func (r keyRange) narrowed(x *index, i int, c *condition) keyRange {
	low, high := c.low, c.high
	if x.multikey && low != nil {
		high = nil
	}
	side := func(l *limit, outward int) entry {
		bound := -outward
		if l.inclusive {
			bound = outward
		}
		return entry{key: append(r.low.key[:i:i], l.value), bound: bound}
	}
	first, last := low, high
	if x.columns[i].Reverse {
		first, last = high, low
	}
	if first != nil {
		r.low = side(first, -1)
	}
	if last != nil {
		r.high = side(last, +1)
	}
	return r
}

// plan is a way through a collection.
type plan struct {
	index     *index // nil: all documents in natural order
	ranges    ranges
	sorted    bool // the documents come in the wanted order
	backwards bool
}

// planFor picks the index that narrows the search most, then one that saves the sorting.
func (c *collection) planFor(filter bson.D, columns []bsonkit.Column) plan {
	conditions := conditionsOf(filter)
	best, bestScore := plan{sorted: len(columns) == 0}, 0
	for _, name := range c.indexNames() {
		x := c.indexes[name]
		if len(x.spec.Partial) > 0 && !implies(filter, x.spec.Partial) {
			continue
		}
		p := plan{index: x, ranges: rangesFor(x, conditions)}
		p.sorted, p.backwards = x.orders(p.ranges, columns)
		if s := p.score(len(columns) > 0); s > bestScore {
			best, bestScore = p, s
		}
	}
	return best
}

func (p plan) score(sorting bool) int {
	score := 10 * p.ranges.equal
	if p.ranges.bounded {
		score += 5
	}
	if score > 0 && p.index.spec.Unique && p.ranges.equal == len(p.index.columns) {
		score += 1000
	}
	if sorting && p.sorted {
		score += 3
	}
	return score
}

// orders reports whether x, behind its fixed columns, has exactly the wanted order, forwards or backwards.
func (x *index) orders(r ranges, wanted []bsonkit.Column) (sorted, backwards bool) {
	if len(wanted) == 0 {
		return true, false
	}
	if x.multikey || len(r.stretches) != 1 || len(wanted) > len(x.columns)-r.equal {
		return false, false
	}
	for i, w := range wanted {
		column := x.columns[r.equal+i]
		if column.Path != w.Path {
			return false, false
		}
		if turned := column.Reverse != w.Reverse; i == 0 {
			backwards = turned
		} else if turned != backwards {
			return false, false
		}
	}
	return true, backwards
}

// implies reports whether filter demands each part of partial literally, so that a document
// outside the partial index cannot match.
func implies(filter, partial bson.D) bool {
	for _, part := range partial {
		found := false
		for _, e := range filter {
			found = found || e.Key == part.Key && bsonkit.Compare(e.Value, part.Value) == 0
		}
		if !found {
			return false
		}
	}
	return true
}

// visit shows each candidate once, until show returns false.
func (p plan) visit(c *collection, show func(*Document) bool) {
	if p.index == nil {
		c.docs.Scan(show)
		return
	}
	visit := show
	if p.index.multikey || len(p.ranges.stretches) > 1 {
		seen := map[uint64]bool{}
		visit = func(d *Document) bool {
			if seen[d.seq] {
				return true
			}
			seen[d.seq] = true
			return show(d)
		}
	}
	for _, r := range p.ranges.stretches {
		if !p.index.between(r.low, r.high, p.backwards, visit) {
			return
		}
	}
}

func (c *collection) indexNames() []string {
	names := make([]string, 0, len(c.indexes))
	for name := range c.indexes {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
