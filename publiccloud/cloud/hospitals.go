package cloud

import (
	"sync"

	"medunion/api/message"
)

// maxHospitals bounds the decoded credentials that are kept: 4 KB each with suite 2.
const maxHospitals = 1024

// hospitalCache keeps the credentials of the index decoded, by their bytes. Few
// hospitals write many entries, and decoding their keys costs more than reading the
// entries. What is kept says nothing of validity: it is only the bytes' meaning.
type hospitalCache struct {
	mu    sync.RWMutex
	creds map[string]message.Credential
}

func (h *hospitalCache) decode(b []byte) (message.Credential, error) {
	h.mu.RLock()
	cred, known := h.creds[string(b)]
	h.mu.RUnlock()
	if known {
		return cred, nil
	}
	cred, err := message.DecodeCredential(b)
	if err != nil {
		return cred, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.creds == nil || len(h.creds) >= maxHospitals {
		h.creds = map[string]message.Credential{}
	}
	h.creds[string(b)] = cred
	return cred, nil
}
