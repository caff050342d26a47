package embedmongo

import (
	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
	"medunion/deploy/local/embedmongo/internal/store"
)

var findFields = set("filter", "sort", "projection", "skip", "limit", "batchSize", "singleBatch", "allowDiskUse")

func find(r *request) (bson.D, error) {
	namespace := r.collection()
	q := store.Query{Filter: r.document("filter"), Sort: r.document("sort"), Skip: r.count("skip", 0), Limit: r.count("limit", 0)}
	projection := r.projection("projection")
	size, single := r.count("batchSize", firstBatch), r.flag("singleBatch", false)
	if r.err != nil {
		return nil, r.err
	}
	found, err := r.view().Find(namespace, q)
	if err != nil {
		return nil, err
	}
	documents, err := project(found, projection)
	if err != nil {
		return nil, err
	}
	return r.server.firstReply(namespace, documents, size, single), nil
}

func (r *request) projection(key string) *query.Projection {
	d := r.document(key)
	if r.err != nil {
		return nil
	}
	p, err := query.ParseProjection(d)
	r.keep(err)
	return p
}

func project(found []*store.Document, p *query.Projection) ([]bson.Raw, error) {
	out := make([]bson.Raw, len(found))
	for i, d := range found {
		out[i] = d.Raw()
		if p == nil {
			continue
		}
		raw, err := bson.Marshal(p.Apply(d.Tree()))
		if err != nil {
			return nil, err
		}
		out[i] = raw
	}
	return out, nil
}

func count(r *request) (bson.D, error) {
	namespace, filter := r.collection(), r.document("query")
	skip, limit := r.count("skip", 0), r.count("limit", 0)
	if r.err != nil {
		return nil, r.err
	}
	if len(filter) == 0 && skip == 0 && limit == 0 {
		return countReply(r.view().Len(namespace)), nil
	}
	found, err := r.view().Find(namespace, store.Query{Filter: filter, Skip: skip, Limit: limit})
	return countReply(len(found)), err
}

func countReply(n int) bson.D { return bson.D{{Key: "n", Value: int32(n)}} }

func distinct(r *request) (bson.D, error) {
	namespace, key, filter := r.collection(), r.text("key"), r.document("query")
	if r.err != nil {
		return nil, r.err
	}
	if key == "" {
		return nil, mongoerr.New(mongoerr.BadValue, "distinct needs a key")
	}
	found, err := r.view().Find(namespace, store.Query{Filter: filter})
	if err != nil {
		return nil, err
	}
	list := make(bsonkit.List, len(found))
	for i, d := range found {
		tree := d.Tree()
		list[i] = &tree
	}
	return bson.D{{Key: "values", Value: mongokit.Distinct(list, key)}}, nil
}
