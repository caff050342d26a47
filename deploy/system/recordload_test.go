package system_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"medunion/api/fhirbundle"
	"medunion/api/problem"
	"medunion/deploy/local/suite"
)

// recordLoad imports one patient's resources at a hospital: with each bundle some new
// ones and a new version of one that is there.
type recordLoad struct {
	mrn   string
	at    place
	owner *member // the patient, who reads her record back

	n     int
	acked map[string][]byte
	tried map[string][][]byte // sent, not acknowledged
}

func newRecordLoad(mrn string) *recordLoad {
	return &recordLoad{mrn: mrn, acked: map[string][]byte{}, tried: map[string][][]byte{}}
}

func (l *recordLoad) acknowledged() int { return len(l.acked) }

// meet imports the Patient resource and enrols her, the first time.
func (l *recordLoad) meet(ctx context.Context, s site) (err error) {
	l.at = s.Hospitals[0]
	if l.owner != nil {
		return l.owner.meet(s)
	}
	p := patientResource(l.mrn)
	if err := l.importAll(ctx, map[string][]byte{"Patient/" + l.mrn: p}); err != nil {
		return err
	}
	l.owner, err = join(ctx, s, l.at, l.mrn)
	return err
}

func patientResource(mrn string) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Patient","id":"%s","identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"%s"}]}`, mrn, mrn)
}

func (l *recordLoad) step(ctx context.Context) error {
	l.n++
	batch := map[string][]byte{"Observation/" + l.mrn + "-count": l.observation("count", l.n)}
	for k := range 3 {
		id := fmt.Sprintf("%d-%d", l.n, k)
		batch["Observation/"+l.mrn+"-"+id] = l.observation(id, l.n)
	}
	return l.importAll(ctx, batch)
}

func (l *recordLoad) observation(id string, n int) []byte {
	return fmt.Appendf(nil, `{"resourceType":"Observation","id":"%s-%s","status":"final","code":{"text":"n"},"subject":{"reference":"Patient/%s"}, "valueInteger": %d}`,
		l.mrn, id, l.mrn, n)
}

// importAll sends resources in one bundle and enters them into the ledger.
func (l *recordLoad) importAll(ctx context.Context, batch map[string][]byte) error {
	r, err := importBundle(ctx, l.at, batch)
	if err == nil && r.Total.Stored+r.Total.Updated != len(batch) {
		err = problem.Invalid(fmt.Sprintf("of %d resources the report says %+v", len(batch), r.Total))
	}
	for key, raw := range batch {
		if err != nil {
			l.tried[key] = append(l.tried[key], raw)
			continue
		}
		l.acked[key] = raw
		delete(l.tried, key)
	}
	return err
}

func importBundle(ctx context.Context, at place, batch map[string][]byte) (suite.ImportReport, error) {
	var entries []fhirbundle.Entry
	for _, raw := range batch {
		entries = append(entries, must(fhirbundle.NewEntry("", raw)))
	}
	var r suite.ImportReport
	a, err := call(ctx, http.MethodPost, at.Admin+"/fhir/bundles", at.Token, "application/fhir+json", fhirbundle.Collection(entries))
	if err == nil {
		err = a.into(&r)
	}
	return r, err
}

// verify lets the patient read her record, whose chain the hospital checks on the way:
// all that was acknowledged is there, byte for byte, and besides it only what was sent
// and cut off. Then the same bytes are imported again, and the record does not change.
func (l *recordLoad) verify(t *testing.T, ctx context.Context) {
	var record []byte
	err := patiently(ctx, func() (err error) { record, err = l.owner.agent.Record(ctx, l.at.ID); return err })
	if err != nil {
		t.Errorf("the record cannot be read: %v", problem.Reason(err))
		return
	}
	entries, err := fhirbundle.Split(record)
	ok(t, err)
	found := map[string][]byte{}
	for _, e := range entries {
		found[e.Type+"/"+e.ID] = e.Resource
	}
	l.compare(t, found)
	l.again(t, ctx, found)
}

func (l *recordLoad) compare(t *testing.T, found map[string][]byte) {
	lost := 0
	for key, raw := range l.acked {
		if !bytes.Equal(found[key], raw) && !l.wasSent(key, found[key]) {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged resources are lost or changed", lost, len(l.acked))
	}
	for key, raw := range found {
		if _, known := l.acked[key]; !known && !l.wasSent(key, raw) {
			t.Errorf("%s is in the record and was never sent so", key)
		}
		l.acked[key] = raw // what was cut off behind the commit stays from now on
	}
}

func (l *recordLoad) wasSent(key string, raw []byte) bool {
	for _, b := range l.tried[key] {
		if bytes.Equal(b, raw) {
			return true
		}
	}
	return false
}

// again leaves out what was cut off: a version of it may lie behind the record's head,
// where the next import finds it and takes it up.
func (l *recordLoad) again(t *testing.T, ctx context.Context, found map[string][]byte) {
	batch := map[string][]byte{}
	for key, raw := range found {
		if len(l.tried[key]) == 0 {
			batch[key] = raw
		}
	}
	var r suite.ImportReport
	err := patiently(ctx, func() (err error) { r, err = importBundle(ctx, l.at, batch); return err })
	if err != nil {
		t.Errorf("the second import: %v", err)
	} else if r.Total.Unchanged != len(batch) || len(batch) < len(found)/2 {
		t.Errorf("of %d resources imported again the report says %+v", len(batch), r.Total)
	}
}
