package practice

import (
	"slices"
	"sync"
)

// events hands changes to one listener, one at a time and in their order, without
// making whoever changes something wait. What is not handed over yet is not queued
// twice: a listener reads the state anew anyway.
type events struct {
	changed func(Event)

	mu      sync.Mutex
	queue   []Event
	running bool
}

func (e *events) emit(v Event) {
	if e.changed == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.queue, v) {
		e.queue = append(e.queue, v)
	}
	if !e.running {
		e.running = true
		go e.drain()
	}
}

func (e *events) drain() {
	for {
		e.mu.Lock()
		if len(e.queue) == 0 {
			e.running = false
			e.mu.Unlock()
			return
		}
		v := e.queue[0]
		e.queue = e.queue[1:]
		e.mu.Unlock()
		e.changed(v)
	}
}
