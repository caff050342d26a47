package embedmongo

import (
	"math"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"medunion/api/mongodb"
	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/store"
	"medunion/deploy/local/embedmongo/internal/wire"
)

const (
	replicaSet = "embedded"
	version    = "7.0.0"
	wireLevel  = 21 // the wire version of MongoDB 7.0
)

var helloFields = set("helloOk", "client", "compression", "topologyVersion", "maxAwaitTimeMS", "loadBalanced")

// hello describes a replica set of one node, because drivers offer transactions to no less.
func hello(r *request) (bson.D, error) {
	address := r.server.address()
	return bson.D{
		{Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "helloOk", Value: true},
		{Key: "secondary", Value: false}, {Key: "readOnly", Value: false},
		{Key: "setName", Value: replicaSet}, {Key: "setVersion", Value: int32(1)},
		{Key: "hosts", Value: []string{address}}, {Key: "primary", Value: address}, {Key: "me", Value: address},
		{Key: "maxBsonObjectSize", Value: int32(wire.MaxDocument)},
		{Key: "maxMessageSizeBytes", Value: int32(wire.MaxMessage)},
		{Key: "maxWriteBatchSize", Value: int32(maxStatements)},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(sessionTimeout / time.Minute)},
		{Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(wireLevel)},
		{Key: "localTime", Value: time.Now()},
	}, nil
}

func ping(*request) (bson.D, error) { return nil, nil }

func buildInfo(r *request) (bson.D, error) {
	modules := []string{mongodb.EmbeddedModule}
	if r.server.undeclared {
		modules = []string{}
	}
	return bson.D{
		{Key: "version", Value: version}, {Key: "gitVersion", Value: "embedmongo"}, {Key: "modules", Value: modules},
		{Key: "versionArray", Value: []int32{7, 0, 0, 0}}, {Key: "maxBsonObjectSize", Value: int32(wire.MaxDocument)},
	}, nil
}

func create(r *request) (bson.D, error) {
	namespace := r.collection()
	return r.write(func(t *store.Tx) (bson.D, error) {
		if t.Exists(namespace) {
			return nil, mongoerr.New(mongoerr.NamespaceExists, "Collection %s already exists.", namespace)
		}
		return nil, t.Create(namespace)
	})
}

var indexFields = set("key", "name", "unique", "partialFilterExpression", "expireAfterSeconds", "v", "background")

func createIndexes(r *request) (bson.D, error) {
	namespace := r.collection()
	var specs []store.IndexSpec
	for _, raw := range r.documents("indexes") {
		specs = append(specs, r.indexSpec(raw))
	}
	if len(specs) == 0 {
		r.keep(mongoerr.New(mongoerr.BadValue, "Must specify at least one index to create"))
	}
	return r.write(func(t *store.Tx) (bson.D, error) {
		isNew, before := !t.Exists(namespace), 1
		if !isNew {
			before = len(t.Indexes(namespace))
		}
		for _, spec := range specs {
			if _, err := t.CreateIndex(namespace, spec); err != nil {
				return nil, err
			}
		}
		return bson.D{
			{Key: "numIndexesBefore", Value: int32(before)}, {Key: "numIndexesAfter", Value: int32(len(t.Indexes(namespace)))},
			{Key: "createdCollectionAutomatically", Value: isNew},
		}, nil
	})
}

func (r *request) indexSpec(raw bson.Raw) store.IndexSpec {
	a := statement("createIndexes.indexes", raw, indexFields)
	spec := store.IndexSpec{Key: a.document("key"), Name: a.text("name"), Unique: a.flag("unique", false), Partial: a.document("partialFilterExpression")}
	if a.has("expireAfterSeconds") {
		seconds := a.number("expireAfterSeconds", 0)
		spec.ExpireAfter = &seconds
		if (seconds < 0 || seconds > math.MaxInt32) && a.err == nil {
			a.err = mongoerr.New(mongoerr.CannotCreateIndex, "TTL index 'expireAfterSeconds' option must be within 0 to 2147483647")
		}
	}
	for _, e := range spec.Key {
		if strings.Contains(e.Key, "$") && a.err == nil {
			a.err = mongoerr.New(mongoerr.CannotCreateIndex, "index key %q is not supported", e.Key)
		}
	}
	r.keep(a.err)
	return spec
}

func dropIndexes(r *request) (bson.D, error) {
	namespace, name := r.collection(), r.text("index")
	return r.write(func(t *store.Tx) (bson.D, error) {
		before := len(t.Indexes(namespace))
		return bson.D{{Key: "nIndexesWas", Value: int32(before)}}, t.DropIndex(namespace, name)
	})
}

func listIndexes(r *request) (bson.D, error) {
	namespace := r.collection()
	if r.err != nil {
		return nil, r.err
	}
	specs := r.view().Indexes(namespace)
	if specs == nil {
		return nil, mongoerr.New(mongoerr.NamespaceNotFound, "ns does not exist: %s", namespace)
	}
	rows := make([]bson.D, len(specs))
	for i, spec := range specs {
		rows[i] = describeIndex(spec)
	}
	return r.listReply(namespace, rows)
}

func describeIndex(spec store.IndexSpec) bson.D {
	d := bson.D{{Key: "v", Value: int32(2)}, {Key: "key", Value: spec.Key}, {Key: "name", Value: spec.Name}}
	if spec.Unique && spec.Name != "_id_" {
		d = append(d, bson.E{Key: "unique", Value: true})
	}
	if len(spec.Partial) > 0 {
		d = append(d, bson.E{Key: "partialFilterExpression", Value: spec.Partial})
	}
	if spec.ExpireAfter != nil {
		d = append(d, bson.E{Key: "expireAfterSeconds", Value: int32(*spec.ExpireAfter)})
	}
	return d
}

// listReply answers with all rows: there are never many.
func (r *request) listReply(namespace string, rows []bson.D) (bson.D, error) {
	documents, err := encodeAll(rows)
	return r.server.firstReply(namespace, documents, math.MaxInt, true), err
}

func listCollections(r *request) (bson.D, error) {
	rows := []bson.D{}
	for _, name := range r.view().Collections(r.database) {
		rows = append(rows, bson.D{
			{Key: "name", Value: name}, {Key: "type", Value: "collection"}, {Key: "options", Value: bson.D{}},
			{Key: "info", Value: bson.D{{Key: "readOnly", Value: false}}},
		})
	}
	rows, err := r.filtered(rows)
	if err != nil {
		return nil, err
	}
	if r.flag("nameOnly", false) {
		for i := range rows {
			rows[i] = rows[i][:2]
		}
	}
	return r.listReply(r.database+".$cmd.listCollections", rows)
}

func listDatabases(r *request) (bson.D, error) {
	rows := []bson.D{}
	for _, name := range r.view().Databases() {
		rows = append(rows, bson.D{{Key: "name", Value: name}, {Key: "empty", Value: false}})
	}
	rows, err := r.filtered(rows)
	return bson.D{{Key: "databases", Value: rows}}, err
}

// filtered applies the command's filter to what it lists.
func (r *request) filtered(rows []bson.D) ([]bson.D, error) {
	filter := r.document("filter")
	if r.err != nil {
		return nil, r.err
	}
	return matchStage(rows, filter)
}

func drop(r *request) (bson.D, error) {
	namespace := r.collection()
	return r.write(func(t *store.Tx) (bson.D, error) {
		t.Drop(namespace)
		return bson.D{{Key: "ns", Value: namespace}}, nil
	})
}

func dropDatabase(r *request) (bson.D, error) {
	return r.write(func(t *store.Tx) (bson.D, error) {
		for _, name := range t.Collections(r.database) {
			t.Drop(r.database + "." + name)
		}
		return bson.D{{Key: "dropped", Value: r.database}}, nil
	})
}
