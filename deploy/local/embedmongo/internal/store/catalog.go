package store

import (
	"sort"
	"strings"

	"github.com/256dpi/lungo/bsonkit"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
)

// Collections returns the names of the database's collections, sorted.
func (t *Tx) Collections(database string) []string {
	var names []string
	for namespace := range t.result() {
		if db, coll, _ := strings.Cut(namespace, "."); db == database {
			names = append(names, coll)
		}
	}
	sort.Strings(names)
	return names
}

// Databases returns the names of the databases that have a collection, sorted.
func (t *Tx) Databases() []string {
	seen, names := map[string]bool{}, []string{}
	for namespace := range t.result() {
		if db, _, _ := strings.Cut(namespace, "."); !seen[db] {
			seen[db] = true
			names = append(names, db)
		}
	}
	sort.Strings(names)
	return names
}

// Exists reports whether there is such a collection.
func (t *Tx) Exists(namespace string) bool { return t.collection(namespace) != nil }

// Create makes an empty collection, or changes nothing if there is one.
func (t *Tx) Create(namespace string) error {
	if t.Exists(namespace) {
		return nil
	}
	_, err := t.writable(namespace)
	return err
}

// Drop removes a collection with its documents and indexes, and reports whether there was one.
func (t *Tx) Drop(namespace string) bool {
	if !t.Exists(namespace) {
		return false
	}
	t.touched[namespace] = nil
	t.catalog = append(t.catalog, change{kind: dropCollection, namespace: namespace})
	return true
}

// CreateIndex builds an index; it reports false if the same one is there already.
func (t *Tx) CreateIndex(namespace string, spec IndexSpec) (bool, error) {
	x, err := newIndex(spec)
	if err != nil {
		return false, err
	}
	c, err := t.writable(namespace)
	if err != nil {
		return false, err
	}
	if there, err := c.sameIndex(spec); there || err != nil {
		return false, err
	}
	if err := x.build(c); err != nil {
		return false, err
	}
	c.indexes[spec.Name] = x
	t.catalog = append(t.catalog, change{kind: putIndexes, namespace: namespace, value: encodeIndexes(c)})
	return true, nil
}

func (x *index) build(c *collection) (err error) {
	c.docs.Scan(func(d *Document) bool {
		var keys [][]any
		if keys, err = x.keys(d); err == nil {
			err = x.clash(keys, d)
		}
		x.add(keys, d)
		return err == nil
	})
	return invalid(err)
}

// DropIndex removes the named index, or with "*" all but that on _id.
func (t *Tx) DropIndex(namespace, name string) error {
	if name == idIndex {
		return mongoerr.New(mongoerr.InvalidOptions, "cannot drop _id index")
	}
	if !t.Exists(namespace) {
		return mongoerr.New(mongoerr.NamespaceNotFound, "ns not found %s", namespace)
	}
	c, err := t.writable(namespace)
	if err != nil {
		return err
	}
	if name != "*" && c.indexes[name] == nil {
		return mongoerr.New(mongoerr.IndexNotFound, "index not found with name [%s]", name)
	}
	for _, n := range c.indexNames() {
		if n == name || name == "*" && n != idIndex {
			delete(c.indexes, n)
		}
	}
	t.catalog = append(t.catalog, change{kind: putIndexes, namespace: namespace, value: encodeIndexes(c)})
	return nil
}

// Indexes describes the collection's indexes, that on _id first.
func (t *Tx) Indexes(namespace string) []IndexSpec {
	c := t.collection(namespace)
	if c == nil {
		return nil
	}
	specs := []IndexSpec{c.indexes[idIndex].spec}
	for _, name := range c.indexNames() {
		if name != idIndex {
			specs = append(specs, c.indexes[name].spec)
		}
	}
	return specs
}

// sameIndex reports whether spec is there already; another index with its name or its key is an error.
func (c *collection) sameIndex(spec IndexSpec) (bool, error) {
	for _, x := range c.indexes {
		if x.spec.equal(spec) {
			return true, nil
		}
		if x.spec.Name == spec.Name || sameKey(x.spec, spec) {
			return false, mongoerr.New(mongoerr.IndexOptionsConflict, "index %s conflicts with the existing %s", spec, x.spec)
		}
	}
	return false, nil
}

// sameKey reports whether two indexes order the same documents by the same fields.
func sameKey(a, b IndexSpec) bool {
	return bsonkit.Compare(a.Key, b.Key) == 0 && bsonkit.Compare(a.Partial, b.Partial) == 0
}
