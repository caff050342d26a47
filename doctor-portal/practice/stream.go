package practice

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"medunion/api/problem"
)

// silence is how long a stream of events may say nothing, not even a comment, until it
// is taken for dead. The portal comments every 15 seconds.
const silence = 50 * time.Second

// letter is one message of the inbox and the id that orders it.
type letter struct{ id, message string }

// letters opens the stream of the inbox after an id, and calls take for each letter
// until the stream ends, take fails, or nothing comes for too long. A stream that the
// portal ended is no error: the session is over, or it restarts.
func (l *link) letters(ctx context.Context, after string, take func(letter) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	body, err := l.do(ctx, "GET", pathInbox, nil, map[string]string{"Accept": "text/event-stream", "Last-Event-ID": after})
	if err != nil {
		return err
	}
	defer body.Close()
	err = readEvents(body, func() { dead.Reset(silence) }, take)
	if ctx.Err() != nil {
		return problem.From(ctx.Err())
	}
	return err
}

// readEvents reads a stream of server-sent events (HTML, section 9.2) as far as the
// portal uses it: events named letter with an id and one line of data. Others, and
// comments, only show that the stream lives.
func readEvents(body io.Reader, alive func(), take func(letter) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), largeAnswer)
	var name string
	var next letter
	for lines.Scan() {
		alive()
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if name == "letter" {
				if err := take(next); err != nil {
					return err
				}
				alive()
			}
			name, next = "", letter{}
		case field == "event":
			name = value
		case field == "id":
			next.id = value
		case field == "data":
			next.message += value
		}
	}
	return nil
}
