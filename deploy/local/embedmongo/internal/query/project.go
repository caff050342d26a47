package query

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

// Projection keeps or drops fields by their dotted paths, also inside arrays of documents.
// A nil Projection changes nothing.
type Projection struct {
	include bool // keep the named fields only; else drop them
	keepID  bool
	fields  node
}

// node is the tree of paths; a leaf has no children.
type node map[string]node

// ParseProjection reads {a: 1, "b.c": 1, _id: 0} or {a: 0}. Expressions and operators are refused.
func ParseProjection(p bson.D) (*Projection, error) {
	if len(p) == 0 {
		return nil, nil
	}
	r := &Projection{keepID: true, fields: node{}}
	named := 0
	for _, e := range p {
		on, err := switchedOn(e)
		if err != nil {
			return nil, err
		}
		if e.Key == "_id" {
			r.keepID = on
			continue
		}
		if named++; named > 1 && on != r.include {
			return nil, mongoerr.New(mongoerr.BadValue, "Cannot do inclusion and exclusion in one projection (field %s)", e.Key)
		}
		r.include = on
		if err := r.fields.add(e.Key); err != nil {
			return nil, err
		}
	}
	if named == 0 && r.keepID { // {_id: 1} alone includes
		r.include = true
	}
	return r, nil
}

func switchedOn(e bson.E) (bool, error) {
	switch x := e.Value.(type) {
	case bool:
		return x, nil
	case int32:
		return x != 0, nil
	case int64:
		return x != 0, nil
	case float64:
		return x != 0, nil
	}
	return false, mongoerr.New(mongoerr.NotImplemented, "projection of %q: only inclusion and exclusion are supported", e.Key)
}

func (n node) add(path string) error {
	head, rest, dotted := strings.Cut(path, ".")
	if head == "" || head[0] == '$' || dotted && rest == "" {
		return mongoerr.New(mongoerr.NotImplemented, "projection path %q is not supported", path)
	}
	child, there := n[head]
	if there && (!dotted || len(child) == 0) {
		return mongoerr.New(mongoerr.BadValue, "Path collision at %s", path)
	}
	if !there {
		child = node{}
		n[head] = child
	}
	if !dotted {
		return nil
	}
	return child.add(rest)
}

// Apply returns the projected copy of d; d itself stays unchanged.
func (p *Projection) Apply(d bson.D) bson.D {
	if p == nil {
		return d
	}
	out := bson.D{}
	for _, e := range d {
		if e.Key == "_id" {
			if p.keepID {
				out = append(out, e)
			}
			continue
		}
		if v, keep := p.value(e, p.fields); keep {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return out
}

func (p *Projection) document(d bson.D, n node) bson.D {
	out := bson.D{}
	for _, e := range d {
		if v, keep := p.value(e, n); keep {
			out = append(out, bson.E{Key: e.Key, Value: v})
		}
	}
	return out
}

func (p *Projection) value(e bson.E, n node) (any, bool) {
	child, named := n[e.Key]
	if !named {
		return e.Value, !p.include
	}
	if len(child) == 0 {
		return e.Value, p.include
	}
	return p.nested(e.Value, child)
}

// nested projects below a path: a scalar there is kept by exclusion only.
func (p *Projection) nested(v any, n node) (any, bool) {
	switch x := v.(type) {
	case bson.D:
		return p.document(x, n), true
	case bson.A:
		out := bson.A{}
		for _, item := range x {
			if kept, keep := p.nested(item, n); keep {
				out = append(out, kept)
			}
		}
		return out, true
	}
	return v, !p.include
}
