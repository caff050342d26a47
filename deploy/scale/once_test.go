package scale_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"medunion/api/message"
)

// once fails unless what was counted is what was accepted: no use, release or diagnosis
// more than the messages that were taken, and none of those is taken again.
func (p *people) once(ctx context.Context) error {
	consents, err := p.patient.Consents()
	if err != nil {
		return err
	}
	var uses []message.Use
	for _, c := range consents {
		err := eventually(ctx, "the uses", func() (bool, error) {
			u, err := p.patient.Uses(ctx, c.Hash)
			if err == nil {
				uses = append(uses, u...)
			}
			return err == nil, transient(err)
		})
		if err != nil {
			return err
		}
	}
	sent := 0
	for _, x := range p.tap.all() {
		if strings.HasSuffix(x.path, "/searches") {
			sent++
		}
	}
	if taken := p.tap.taken("/searches"); len(uses) < taken || len(uses) > sent {
		return fmt.Errorf("%d uses are recorded; of %d searches %d were answered", len(uses), sent, taken)
	}
	if err := p.diagnosedOnce(ctx); err != nil {
		return err
	}
	return p.replay(ctx)
}

// diagnosedOnce looks for the last finding in her record at the hospital.
func (p *people) diagnosedOnce(ctx context.Context) error {
	var record []byte
	err := eventually(ctx, "her record", func() (_ bool, err error) {
		record, err = p.patient.Record(ctx, hospitalID)
		return err == nil, transient(err)
	})
	if err == nil && bytes.Count(record, []byte(p.finding)) == 0 {
		err = errors.New("the diagnosis is not in her record")
	}
	if err != nil {
		return err
	}
	list, unanswered, err := p.patient.Diagnoses(ctx)
	if err != nil || len(unanswered) > 0 {
		return errors.Join(err, fmt.Errorf("%d did not answer", len(unanswered)))
	}
	n := 0
	for _, d := range list {
		if bytes.Contains(d.Content, []byte(p.finding)) {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("the diagnosis is stored %d times", n)
	}
	return nil
}

// replay posts every message of the visits twice more. None may be taken twice in all; one
// that met a Redis that was away, and was taken by nobody, may be taken now.
func (p *people) replay(ctx context.Context) error {
	messages := slices.DeleteFunc(p.tap.all(), func(x posted) bool { return strings.Contains(x.path, "/challenges") })
	answered := 0
	for _, x := range messages {
		taken := 0
		if x.status/100 == 2 {
			taken++
			answered++
		}
		for range 2 {
			status, err := p.post(ctx, x)
			if err != nil {
				return err
			}
			if status/100 == 2 {
				taken++
			}
		}
		if taken > 1 {
			return fmt.Errorf("a message to %s was taken %d times", x.path, taken)
		}
	}
	if answered < 4 {
		return fmt.Errorf("only %d messages were answered: that shows nothing", answered)
	}
	return nil
}

func (p *people) post(ctx context.Context, x posted) (status int, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, p.tap.front+x.path, bytes.NewReader(x.body))
	if err != nil {
		return 0, err
	}
	q.Header.Set("Authorization", x.bearer)
	q.Header.Set("Content-Type", "application/json")
	q.Host = strings.TrimPrefix(p.w.origin, "http://")
	a, err := p.w.http.Do(q)
	if err != nil {
		return 0, err
	}
	return a.StatusCode, a.Body.Close()
}
