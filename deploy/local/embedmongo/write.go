package embedmongo

import (
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/store"
)

const maxStatements = 100_000 // of one command, as announced in hello

// bulk runs the statements of a writing command and collects their errors. Ordered, it stops
// at the first. Every statement changes its documents completely or not at all.
func (r *request) bulk(statements []bson.Raw, run func(raw bson.Raw, i int) error) (bson.A, error) {
	ordered := r.flag("ordered", true)
	var failed bson.A
	for i, raw := range statements {
		err := run(raw, i)
		if err == nil {
			continue
		}
		e := asMongoError(err)
		if e.Code == mongoerr.WriteConflict.Code || e.Code == mongoerr.InternalError.Code {
			return nil, err
		}
		failed = append(failed, bson.D{{Key: "index", Value: int32(i)}, {Key: "code", Value: e.Code}, {Key: "errmsg", Value: e.Message}})
		if ordered {
			break
		}
	}
	return failed, r.err
}

// statements reads the array of a writing command.
func (r *request) statements(key string) []bson.Raw {
	list := r.documents(key)
	if n := len(list); (n == 0 || n > maxStatements) && r.err == nil {
		r.err = mongoerr.New(mongoerr.BadValue, "Write batch sizes must be between 1 and %d. Got %d operations.", maxStatements, n)
	}
	return list
}

func withErrors(reply bson.D, failed bson.A) bson.D {
	if len(failed) > 0 {
		reply = append(reply, bson.E{Key: "writeErrors", Value: failed})
	}
	return reply
}

func insert(r *request) (bson.D, error) {
	namespace, documents := r.collection(), r.statements("documents")
	return r.write(func(t *store.Tx) (bson.D, error) {
		n := 0
		failed, err := r.bulk(documents, func(raw bson.Raw, _ int) error {
			a := arguments{name: "insert.documents", body: raw}
			tree := a.decode(raw)
			if a.err != nil {
				return a.err
			}
			if _, err := t.Insert(namespace, tree); err != nil {
				return err
			}
			n++
			return nil
		})
		return withErrors(countReply(n), failed), err
	})
}

var updateFields = set("q", "u", "multi", "upsert")

func update(r *request) (bson.D, error) {
	namespace, updates := r.collection(), r.statements("updates")
	return r.write(func(t *store.Tx) (bson.D, error) {
		matched, modified, upserted := 0, 0, bson.A{}
		failed, err := r.bulk(updates, func(raw bson.Raw, i int) error {
			a := statement("update.updates", raw, updateFields)
			u := store.Update{Filter: a.document("q"), Change: a.document("u"), Multi: a.flag("multi", false), Upsert: a.flag("upsert", false)}
			if a.err != nil {
				return a.err
			}
			done, err := t.Update(namespace, u)
			matched, modified = matched+done.Matched, modified+done.Modified
			if done.Upserted != nil && err == nil {
				matched++
				upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: done.Upserted.ID()}})
			}
			return err
		})
		reply := append(countReply(matched), bson.E{Key: "nModified", Value: int32(modified)})
		if len(upserted) > 0 {
			reply = append(reply, bson.E{Key: "upserted", Value: upserted})
		}
		return withErrors(reply, failed), err
	})
}

var deleteFields = set("q", "limit")

func remove(r *request) (bson.D, error) {
	namespace, deletes := r.collection(), r.statements("deletes")
	return r.write(func(t *store.Tx) (bson.D, error) {
		n := 0
		failed, err := r.bulk(deletes, func(raw bson.Raw, _ int) error {
			a := statement("delete.deletes", raw, deleteFields)
			q := store.Query{Filter: a.document("q"), Limit: a.count("limit", 0)}
			if a.err == nil && (!a.has("limit") || q.Limit > 1) {
				a.err = mongoerr.New(mongoerr.FailedToParse, "The limit field in delete objects must be 0 or 1")
			}
			if a.err != nil {
				return a.err
			}
			gone, err := t.Delete(namespace, q)
			n += len(gone)
			return err
		})
		return withErrors(countReply(n), failed), err
	})
}

var findAndModifyFields = set("query", "sort", "update", "remove", "new", "upsert", "fields")

func findAndModify(r *request) (bson.D, error) {
	namespace, filter, order := r.collection(), r.document("query"), r.document("sort")
	removes, wantsNew, upsert := r.flag("remove", false), r.flag("new", false), r.flag("upsert", false)
	projection := r.projection("fields")
	if r.err == nil && removes == r.has("update") || removes && (wantsNew || upsert) {
		r.keep(mongoerr.New(mongoerr.FailedToParse, "Either an update or remove=true must be specified, the latter without new and upsert"))
	}
	u := store.Update{Filter: filter, Sort: order, Change: r.document("update"), Upsert: upsert}
	return r.write(func(t *store.Tx) (bson.D, error) {
		var outcome bson.D
		var value *store.Document
		var err error
		if removes {
			outcome, value, err = removeOne(t, namespace, u)
		} else {
			outcome, value, err = updateOne(t, namespace, u, wantsNew)
		}
		if err != nil {
			return nil, err
		}
		reply := bson.D{{Key: "lastErrorObject", Value: outcome}, {Key: "value", Value: nil}}
		if value != nil {
			reply[1].Value = projection.Apply(value.Tree())
		}
		return reply, nil
	})
}

func removeOne(t *store.Tx, namespace string, u store.Update) (bson.D, *store.Document, error) {
	gone, err := t.Delete(namespace, store.Query{Filter: u.Filter, Sort: u.Sort, Limit: 1})
	if err != nil || len(gone) == 0 {
		return countReply(0), nil, err
	}
	return countReply(1), gone[0], nil
}

// updateOne returns the document before the update, or if wanted after it.
func updateOne(t *store.Tx, namespace string, u store.Update, wantsNew bool) (bson.D, *store.Document, error) {
	done, err := t.Update(namespace, u)
	if err != nil {
		return nil, nil, err
	}
	value := done.Before
	if wantsNew {
		value = done.After
	}
	outcome := append(countReply(done.Matched), bson.E{Key: "updatedExisting", Value: done.Matched > 0})
	if done.Upserted != nil {
		outcome = bson.D{{Key: "n", Value: int32(1)}, {Key: "updatedExisting", Value: false}, {Key: "upserted", Value: done.Upserted.ID()}}
		if wantsNew {
			value = done.Upserted
		}
	}
	return outcome, value, nil
}
