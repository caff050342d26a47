package hospital

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// enrolmentState is what an enrolment holds under seal.
type enrolmentState struct {
	Patient  message.Credential // pinned
	Locators []message.EnrolledLocator
	Entries  []entryState
}

// entryState is the newest index entry of one department. The entry is signed once and
// then repeated until the public cloud has confirmed it, which takes the same one twice.
type entryState struct {
	Department message.Code
	Locator    message.Hash
	Content    message.Hash // of the IndexContent in it
	Published  bool
	Entry      message.Entry
}

func (s enrolmentState) locator(department message.Code) (message.EnrolledLocator, bool) {
	for _, l := range s.Locators {
		if l.Department == department {
			return l, true
		}
	}
	return message.EnrolledLocator{}, false
}

func (s enrolmentState) entry(department message.Code) (entryState, bool) {
	for _, e := range s.Entries {
		if e.Department == department {
			return e, true
		}
	}
	return entryState{}, false
}

func (s *enrolmentState) set(e entryState) {
	for i := range s.Entries {
		if s.Entries[i].Department == e.Department {
			s.Entries[i] = e
			return
		}
	}
	s.Entries = append(s.Entries, e)
}

func (s enrolmentState) encode() []byte {
	locators := make([][]byte, len(s.Locators))
	for i, l := range s.Locators {
		locators[i] = l.Encode()
	}
	entries := make([][]byte, len(s.Entries))
	for i, e := range s.Entries {
		published := []byte{0}
		if e.Published {
			published[0] = 1
		}
		entries[i] = ecc.Encode(ecc.LabelIndexEntry, []byte(e.Department), e.Content[:], published, e.Entry.Encode())
	}
	return ecc.Encode(ecc.LabelEnrolled, s.Patient.Encode(), ecc.Encode(ecc.LabelList, locators...), ecc.Encode(ecc.LabelList, entries...))
}

const maxStateList = 64

func decodeEnrolmentState(b []byte) (s enrolmentState, err error) {
	f, err := ecc.Decode(ecc.LabelEnrolled, b, 3)
	if err != nil {
		return s, err
	}
	if s.Patient, err = message.DecodeCredential(f[0]); err != nil {
		return s, err
	}
	locators, err := ecc.DecodeList(ecc.LabelList, f[1], maxStateList)
	if err != nil {
		return s, err
	}
	for _, l := range locators {
		d, err := message.DecodeEnrolledLocator(l)
		if err != nil {
			return s, err
		}
		s.Locators = append(s.Locators, d)
	}
	entries, err := ecc.DecodeList(ecc.LabelList, f[2], maxStateList)
	if err != nil {
		return s, err
	}
	for _, e := range entries {
		d, err := decodeEntryState(e)
		if err != nil {
			return s, err
		}
		s.Entries = append(s.Entries, d)
	}
	return s, nil
}

func decodeEntryState(b []byte) (entryState, error) {
	f, err := ecc.Decode(ecc.LabelIndexEntry, b, 4)
	if err != nil || len(f[1]) != len(message.Hash{}) || len(f[2]) != 1 {
		return entryState{}, errRecord
	}
	e, err := message.DecodeEntry(f[3])
	return entryState{Department: message.Code(f[0]), Locator: e.Locator, Content: message.Hash(f[1]), Published: f[2][0] == 1, Entry: e}, err
}

const useEnrolment = "enrolment"

func (e Enrolment) place() []byte {
	return ecc.Encode(ecc.LabelEnrolled, e.Who[:], number(e.Version))
}

// unsealEnrolment opens the seal of an enrolment with its patient's data key.
func (h *Hospital) unsealEnrolment(ctx context.Context, e Enrolment) ([]byte, Patient, dataKey, error) {
	p, d, err := h.patientByHandle(ctx, e.Handle)
	if err != nil {
		return nil, p, d, err
	}
	b, err := d.open(useEnrolment, e.place(), e.Sealed)
	if err != nil {
		return nil, p, d, problem.Internal(fmt.Errorf("%w: enrolment", errRecord))
	}
	return b, p, d, nil
}

func (h *Hospital) openEnrolmentState(ctx context.Context, e Enrolment) (enrolmentState, Patient, dataKey, error) {
	b, p, d, err := h.unsealEnrolment(ctx, e)
	if err != nil {
		return enrolmentState{}, p, d, err
	}
	s, err := decodeEnrolmentState(b)
	if err != nil {
		return s, p, d, problem.Internal(fmt.Errorf("%w: enrolment", errRecord))
	}
	return s, p, d, nil
}

// putEnrolment writes the next version; e is what was read, with Who and Due as they shall be.
func (h *Hospital) putEnrolment(ctx context.Context, e Enrolment, s enrolmentState) error {
	_, d, err := h.patientByHandle(ctx, e.Handle)
	if err != nil {
		return err
	}
	e.Version++
	if e.Sealed, err = d.seal(h.Rand, useEnrolment, e.place(), s.encode()); err != nil {
		return problem.Internal(err)
	}
	return h.Enrolments.PutEnrolment(ctx, e)
}

// enrolled is an enrolment opened.
type enrolled struct {
	Enrolment
	patient Patient
	key     dataKey
	pin     message.Credential // the pinned one
}

// pinned finds the enrolment of an identity, and refuses every credential but those of the
// line that was pinned with it (attack 20). The caller has verified c, and that what it
// answers was proven under the keys in c: nothing that is asked of a patient here rests on
// S_P, so it is her keys and attr_P that are pinned, and a renewed credential has the same.
// Neither c nor the pinned one may be revoked. Whether c may be older than the pinned one is
// the caller's to say.
func (h *Hospital) pinned(ctx context.Context, c message.Credential) (enrolled, error) {
	e, err := h.Enrolments.EnrolmentOf(ctx, h.who(c.Info.ID))
	if errors.Is(err, ErrNotFound) {
		return enrolled{}, errors.New("the patient is not enrolled here")
	}
	if err != nil {
		return enrolled{}, stored(err)
	}
	b, p, d, err := h.unsealEnrolment(ctx, e)
	if err != nil {
		return enrolled{}, err
	}
	pin, err := pinOf(b, c)
	if err != nil {
		return enrolled{}, problem.Internal(fmt.Errorf("%w: enrolment", errRecord))
	}
	if !sameLine(pin.Info, c.Info) {
		return enrolled{}, fmt.Errorf("%w: not the pinned keys", message.ErrCredential)
	}
	return enrolled{Enrolment: e, patient: p, key: d, pin: pin}, h.unrevoked(c.Hash(), pin.Hash())
}

// pinOf takes the pinned credential out of an enrolment's state. Nothing else of it is
// decoded, and the credential neither if it is the one shown, byte for byte: its keys would
// cost as much as the caller's signatures.
func pinOf(state []byte, shown message.Credential) (message.Credential, error) {
	f, err := ecc.Decode(ecc.LabelEnrolled, state, 3)
	if err != nil {
		return message.Credential{}, err
	}
	if bytes.Equal(f[0], shown.Encode()) {
		return shown, nil
	}
	return message.DecodeCredential(f[0])
}

// sameLine reports whether two credentials are of one holder: same identity, role, suite,
// keys and attr_X. Only their epochs and times may differ.
func sameLine(a, b message.Info) bool {
	return a.ID == b.ID && a.Role == b.Role && a.Suite == b.Suite && bytes.Equal(a.Attribute, b.Attribute) &&
		bytes.Equal(a.Keys.Encode(), b.Keys.Encode())
}
