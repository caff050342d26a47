package embedmongo

import (
	"github.com/256dpi/lungo/bsonkit"
	"github.com/256dpi/lungo/mongokit"
	"go.mongodb.org/mongo-driver/bson"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
	"medunion/deploy/local/embedmongo/internal/store"
)

// stages turn rows into rows. They never change a row, which may be a stored document.
var stages = map[string]func(rows []bson.D, spec any) ([]bson.D, error){
	"$match":   matchStage,
	"$sort":    sortStage,
	"$skip":    skipStage,
	"$limit":   limitStage,
	"$project": projectStage,
	"$group":   groupStage,
	"$count":   countStage,
}

func aggregate(r *request) (bson.D, error) {
	namespace := r.collection()
	pipeline := r.pipeline()
	cursorOptions := arguments{name: "cursor", body: r.rawDocument("cursor")}
	cursorOptions.allow(set("batchSize"))
	size := cursorOptions.count("batchSize", firstBatch)
	if r.keep(cursorOptions.err); r.err == nil && !r.has("cursor") {
		r.err = mongoerr.New(mongoerr.FailedToParse, "The 'cursor' option is required")
	}
	if r.err != nil {
		return nil, r.err
	}
	q, rest := pushDown(pipeline)
	found, err := r.view().Find(namespace, q)
	if err != nil {
		return nil, err
	}
	rows := make([]bson.D, len(found))
	for i, d := range found {
		rows[i] = d.Tree()
	}
	for _, stage := range rest {
		if rows, err = stages[stage.Key](rows, stage.Value); err != nil {
			return nil, err
		}
	}
	documents, err := encodeAll(rows)
	if err != nil {
		return nil, err
	}
	return r.server.firstReply(namespace, documents, size, false), nil
}

// pipeline reads the stages; each is one field of a document.
func (r *request) pipeline() []bson.E {
	var out []bson.E
	for _, raw := range r.documents("pipeline") {
		d := r.decode(raw)
		if len(d) != 1 {
			r.keep(mongoerr.New(mongoerr.UnknownStage, "A pipeline stage specification object must contain exactly one field."))
			return nil
		}
		if stages[d[0].Key] == nil {
			r.keep(mongoerr.New(mongoerr.UnknownStage, "Unrecognized or unsupported pipeline stage name: '%s'", d[0].Key))
			return nil
		}
		out = append(out, d[0])
	}
	return out
}

// pushDown makes a leading $match, $sort, $skip and $limit, in this order, the query of the
// store, which has indexes for it. What it cannot read it leaves to the stages, which report it.
func pushDown(pipeline []bson.E) (q store.Query, rest []bson.E) {
	q.Filter, q.Sort, rest = bson.D{}, bson.D{}, pipeline
	take := func(key string, use func(v any) bool) {
		if len(rest) > 0 && rest[0].Key == key && use(rest[0].Value) {
			rest = rest[1:]
		}
	}
	take("$match", func(v any) (ok bool) { q.Filter, ok = v.(bson.D); return ok })
	take("$sort", func(v any) bool { d, ok := v.(bson.D); q.Sort = d; return ok && len(d) > 0 })
	take("$skip", func(v any) bool { n, err := wholeNumber("$skip", v, 0); q.Skip = n; return err == nil })
	take("$limit", func(v any) bool { n, err := wholeNumber("$limit", v, 1); q.Limit = n; return err == nil })
	return q, rest
}

func encodeAll(rows []bson.D) ([]bson.Raw, error) {
	out := make([]bson.Raw, len(rows))
	for i, row := range rows {
		raw, err := bson.Marshal(row)
		if err != nil {
			return nil, err
		}
		out[i] = raw
	}
	return out, nil
}

// specDocument reads the specification of a stage that is a document.
func specDocument(stage string, spec any) (bson.D, error) {
	d, ok := spec.(bson.D)
	if !ok {
		return nil, mongoerr.New(mongoerr.FailedToParse, "the %s specification must be an object", stage)
	}
	return d, nil
}

func wholeNumber(stage string, spec any, least int64) (int, error) {
	var n int64
	switch x := spec.(type) {
	case int32:
		n = int64(x)
	case int64:
		n = x
	case float64:
		if n = int64(x); float64(n) != x {
			n = -1
		}
	default:
		n = -1
	}
	if n < least || n > 1<<31 {
		return 0, mongoerr.New(mongoerr.FailedToParse, "%s needs a whole number of at least %d", stage, least)
	}
	return int(n), nil
}

func matchStage(rows []bson.D, spec any) ([]bson.D, error) {
	filter, err := specDocument("$match", spec)
	if err != nil {
		return nil, err
	}
	if err := query.CheckFilter(filter); err != nil {
		return nil, err
	}
	out := []bson.D{}
	for _, row := range rows {
		ok, err := mongokit.Match(&row, &filter)
		if err != nil {
			return nil, mongoerr.New(mongoerr.BadValue, "%v", err)
		}
		if ok {
			out = append(out, row)
		}
	}
	return out, nil
}

func sortStage(rows []bson.D, spec any) ([]bson.D, error) {
	order, err := specDocument("$sort", spec)
	if err != nil {
		return nil, err
	}
	list := make(bsonkit.List, len(rows))
	for i := range rows {
		list[i] = &rows[i]
	}
	sorted, err := mongokit.Sort(list, &order)
	if err != nil || len(order) == 0 {
		return nil, mongoerr.New(mongoerr.BadValue, "$sort needs fields with 1 or -1")
	}
	out := make([]bson.D, len(rows))
	for i, d := range sorted {
		out[i] = *d
	}
	return out, nil
}

func skipStage(rows []bson.D, spec any) ([]bson.D, error) {
	n, err := wholeNumber("$skip", spec, 0)
	return rows[min(n, len(rows)):], err
}

func limitStage(rows []bson.D, spec any) ([]bson.D, error) {
	n, err := wholeNumber("$limit", spec, 1)
	return rows[:min(n, len(rows))], err
}

func projectStage(rows []bson.D, spec any) ([]bson.D, error) {
	d, err := specDocument("$project", spec)
	if err != nil {
		return nil, err
	}
	p, err := query.ParseProjection(d)
	if err != nil || p == nil {
		return nil, mongoerr.New(mongoerr.NotImplemented, "$project needs inclusions or exclusions (%v)", err)
	}
	out := make([]bson.D, len(rows))
	for i, row := range rows {
		out[i] = p.Apply(row)
	}
	return out, nil
}

// countStage gives one row with the number of rows, or none if there are none.
func countStage(rows []bson.D, spec any) ([]bson.D, error) {
	name, ok := spec.(string)
	if !ok || name == "" || name[0] == '$' {
		return nil, mongoerr.New(mongoerr.FailedToParse, "the count field must be a non-empty string")
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return []bson.D{{{Key: name, Value: int32(len(rows))}}}, nil
}
