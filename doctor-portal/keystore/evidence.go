package keystore

import (
	"errors"
	"io/fs"
	"strings"

	"medunion/api/problem"
	"medunion/ecc"
)

const evidencePrefix = "evidence-"

// KeepEvidence seals a visit's evidence in a file of its own. The id is 1 to 32 digits
// and lower-case letters a to f.
func (s *Store) KeepEvidence(id string, evidence []byte) error {
	name, err := evidenceName(id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	sealed, err := ecc.SealAtRest(s.cfg.Rand, s.key, ecc.Encode(ecc.LabelAtRest, []byte(name)), evidence)
	if err != nil {
		return problem.Internal(err)
	}
	if err := s.cfg.Files.Replace(name, sealed); err != nil {
		return unavailable(err)
	}
	return nil
}

// EvidenceIDs returns the ids of all evidence that is kept, in no order. What each is of
// tells only the evidence itself.
func (s *Store) EvidenceIDs() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return nil, problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	names, err := s.cfg.Files.List()
	if err != nil {
		return nil, unavailable(err)
	}
	var ids []string
	for _, name := range names {
		id, ok := strings.CutPrefix(name, evidencePrefix)
		if _, err := evidenceName(id); ok && err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Evidence opens what KeepEvidence sealed.
func (s *Store) Evidence(id string) ([]byte, error) {
	name, err := evidenceName(id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return nil, problem.Conflict("The key store is locked.").Because(ErrClosed)
	}
	sealed, err := s.cfg.Files.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.NotFound("There is no such evidence.").Because(err)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	b, err := ecc.OpenAtRest(s.key, ecc.Encode(ecc.LabelAtRest, []byte(name)), sealed)
	if err != nil {
		return nil, problem.Refused(errors.Join(ErrAltered, err))
	}
	return b, nil
}

func evidenceName(id string) (string, error) {
	ok := len(id) > 0 && len(id) <= 32
	for _, c := range []byte(id) {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f')
	}
	if !ok {
		return "", problem.NotFound("There is no such evidence.")
	}
	return evidencePrefix + id, nil
}
