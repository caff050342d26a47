package message_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// encoder is what every decoded body can do.
type encoder interface{ Encode() []byte }

func as[T encoder](v T, err error) (encoder, error) { return v, err }

// decoders names every strict decoder of the package. The suite is the first byte
// of the fuzz input where a decoder needs one.
var decoders = map[string]func(ecc.Suite, []byte) (encoder, error){
	"header":       func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeHeader(b)) },
	"message":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.Decode(b)) },
	"credential":   func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeCredential(b)) },
	"registration": func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeRegistrationRequest(b)) },
	"renewal":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeRenewal(b)) },
	"reply":        func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeRegistrationReply(b)) },
	"attribute":    func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodePatientAttribute(b)) },
	"signed":       func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeSigned(b)) },
	"succession":   func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeSignedSuccession(b)) },
	"prekey":       func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodePrekey(b)) },
	"parameters":   func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeParameters(b)) },
	"entry":        func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeEntry(b)) },
	"index":        func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeIndexWrite(s, b)) },
	"indexed":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeIndexed(b)) },
	"consent":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeConsent(b)) },
	"openC":        func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeOpenC(b)) },
	"openH":        func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeOpenH(b)) },
	"con":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeCON(b)) },
	"enrolment":    func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeEnrolment(s, b)) },
	"enrolled":     func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeEnrolled(b)) },
	"m01":          func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM1(s, b)) },
	"m02":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM2(b)) },
	"m03":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM3(b)) },
	"m04":          func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM4(s, b)) },
	"m05":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM5(b)) },
	"ticket":       func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeTicket(b)) },
	"m06":          func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM6(s, b)) },
	"m07":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM7(b)) },
	"m08":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM8(b)) },
	"m09":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM9(b)) },
	"m10":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM10(b)) },
	"d5":           func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeD5(b)) },
	"m11":          func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM11(b)) },
	"stored":       func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeStored(b)) },
	"m12":          func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeM12(s, b)) },
	"ask-hospital": func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeHospitalQuestion(s, b)) },
	"ask-cloud":    func(s ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeCloudQuestion(s, b)) },
	"answer":       func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeAnswer(b)) },
	"release":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeRelease(b)) },
	"written":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeWrittenDiagnosis(b)) },
	"grounds":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeGrounds(b)) },
	"ev-search":    func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeSearchEvidence(b)) },
	"ev-entry":     func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeEntryEvidence(b)) },
	"ev-access":    func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeAccessEvidence(b)) },
	"erasure":      func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeErasure(b)) },
	"ev-write":     func(_ ecc.Suite, b []byte) (encoder, error) { return as(message.DecodeWriteEvidence(b)) },
}

// bodies gives one honest value for every decoder.
func bodies(w *world) map[string][]byte {
	salted := must(message.Salted(w.rand, []byte(`{"resourceType":"Bundle","type":"collection"}`)))
	pke := must(ecc.GenerateKEM(w.suite, w.rand)).Public()
	con, auth := w.consent(), w.authority()
	entry, kL := w.entry()
	sig := w.patient.sign.Sign([]byte("a fixed statement"))
	h := w.header(message.TypeM1)
	d5 := message.D5{Patient: w.patient.cred.Info.ID, Doctor: w.doctor.cred.Hash(), Consent: con.Consent.Hash(), MSD: ecc.Sum(salted),
		EMR: []message.Hash{{1}, {0}}, Diagnosis: ecc.Sum(salted), Time: now}
	signedD5 := message.Sign(w.doctor.sign, d5.Encode())
	release := message.Release{Number: 1, Time: now, Doctor: w.doctor.cred.Hash(), Licence: "L-1", Name: "M. Okafor", Department: "OUTPATIENT",
		Purpose: "TREATMENT", Consent: con.Consent.Hash(), Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}, Resources: 7, Pages: []message.Hash{{2}}}
	reg := registration(w)
	values := map[string]encoder{
		"header": h, "message": message.Message{Header: h, Ciphertext: bytes.Repeat([]byte{5}, 48)}, "credential": w.doctor.cred,
		"registration": reg, "reply": message.RegistrationReply{Credential: w.patient.cred, D: w.patient.s},
		"attribute": message.PatientAttribute{Kind: message.KindWebAuthn, Beta: message.Hash{4}}, "signed": w.ticket(con),
		"prekey":     message.Prekey{Suite: w.suite, Owner: w.doctor.cred.Hash(), Key: pke, NotBefore: now, NotAfter: now.Add(message.MaxPrekeyLife)},
		"parameters": parameters(w), "entry": entry, "index": message.IndexWrite{Entry: entry, VK: kL.Public(), PKe: pke, Signature: sig},
		"indexed": message.Indexed{Time: now, Signature: sig}, "consent": con.Consent, "openC": con.OpenC, "openH": con.OpenH, "con": con,
		"enrolment": message.Enrolment{Patient: w.patient.cred, Code: "7K3F-9QXM", Locators: []message.EnrolledLocator{message.NewEnrolledLocator(kL, w.patient.cred.Hash(), message.Hash{8}, "GENERAL", message.Hash{6})}, PKe: pke, Signature: sig},
		"enrolled":  message.Enrolled{Time: now, Signature: sig},
		"m01":       message.M1{Patient: w.patient.cred, R: w.patient.cred.R, PKe: pke, SigP1: sig},
		"m02":       message.M2{Doctor: w.doctor.cred, Certificate: certD, R: w.doctor.cred.R, Confirm: message.Hash{8}, SigD1: sig},
		"m03":       message.M3{MSD: salted, Patient: w.patient.cred.Info.ID, CON: con, SigP2: sig},
		"m04": message.M4{Doctor: w.doctor.cred, Certificate: certD, Department: "OUTPATIENT", Consent: con.Consent, OpenC: con.OpenC,
			Authorizers: con.Authorizers, Mode: message.ModeWrite, PKe: pke, SigD2: sig},
		"m05":    message.M5{Entries: []message.Entry{entry}, Ticket: auth.Ticket},
		"ticket": must(message.DecodeTicket(auth.Ticket.TBS)),
		"m06":    message.M6{Doctor: w.doctor.cred, Certificate: certD, R: w.doctor.cred.R, PKe: pke, Consent: con.Consent.Hash(), Ticket: message.TicketHash(auth.Ticket), SigD3: sig},
		"m07":    message.M7{Hospital: w.hospital.cred, R: w.hospital.cred.R, Confirm: message.Hash{9}, SigHPC1: sig},
		"m08":    message.M8{Authority: auth, Filter: message.Filter{Classes: []message.Code{"LAB"}, Since: now}},
		"m09":    message.M9{Page: 2, Pages: 2, EMR: salted, Receipt: 1, SigHPC2: sig},
		"m10":    message.M10{Diagnosis: salted, SigD5: signedD5}, "d5": d5,
		"m11":    message.M11{Authority: auth, Diagnosis: salted, SigD5: signedD5},
		"stored": message.Stored{Record: 12, Time: now, SigHPC3: sig, Entries: []message.Entry{entry}},
		"m12": message.M12{Doctor: w.doctor.cred, Certificate: certD, Consent: con.Consent, OpenC: con.OpenC, Authorizer: con.Authorizers[0],
			Entry: entry, PKe: pke, SigD7: sig},
		"ask-hospital": message.HospitalQuestion{Patient: w.patient.cred, Question: message.Question{Kind: message.AskReleases, From: 3}, PKe: pke, Signature: sig},
		"ask-cloud":    message.CloudQuestion{VK: kL.Public(), Question: message.Question{Kind: message.AskRevoke, Consent: con.Consent.Hash()}, PKe: pke, Signature: sig},
		"answer":       message.Answer{Content: message.EncodeReleases([]message.Release{release}), More: true, Signature: sig},
		"release":      release,
		"written": message.WrittenDiagnosis{Record: 12, Time: now, Doctor: w.doctor.cred, Certificate: certD, Consent: con.Consent.Hash(),
			Diagnosis: salted, SigD5: signedD5},
	}
	k := w.kept()
	second := newRoot(0x51)
	values["renewal"] = must(message.Renew(w.rand, w.doctor.cred, w.doctor.s, w.doctor.sign, reg.Registration, certD))
	values["succession"] = w.root().succeeds(second, 1, now, now.Add(48*time.Hour))
	values["grounds"], values["ev-search"], values["ev-entry"] = k.grounds, k.search, k.entry
	values["ev-access"], values["ev-write"] = k.access, k.write
	values["erasure"] = w.erasure()
	out := map[string][]byte{}
	for name, v := range values {
		out[name] = v.Encode()
	}
	return out
}

func registration(w *world) message.RegistrationRequest {
	x := must(ecc.GenerateScalar(w.rand))
	q := message.Registration{Suite: w.suite, Role: message.Doctor, ID: "dr-okafor", X: x.Public(), Keys: w.doctor.cred.Info.Keys,
		Attribute: w.doctor.cred.Info.Attribute, Challenge: make([]byte, message.ChallengeSize)}
	return message.RegistrationRequest{Registration: q, Possession: must(ecc.ProvePossession(w.rand, x, ecc.Sum(q.Encode()))),
		Signature: w.doctor.sign.Sign(q.Encode()), Admission: certD}
}

func parameters(w *world) message.Parameters {
	return message.Parameters{CloudID: w.pins.CloudID, PK: w.pins.First.PK, PUKC: w.pins.First.PUKC, Suites: []ecc.Suite{w.suite}, Past: 30e9, Future: 2e9,
		Departments: []message.Code{"GENERAL", "OUTPATIENT"}, Classes: []message.Code{"LAB", "OTHER"},
		ClassRules: []message.ClassRule{{ResourceType: "Observation", CategoryCode: "laboratory", Class: "LAB"}}, Issued: now}
}

// A changed byte in a golden file is a changed protocol version.
func TestGoldenFilesAreUnchangedAndDecode(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		got := bodies(newWorld(t, suite))
		if len(got) != len(decoders) {
			t.Fatalf("%d bodies for %d decoders", len(got), len(decoders))
		}
		for _, name := range sortedKeys(got) {
			compareGolden(t, suite, name, got[name])
		}
	}
}

func compareGolden(t *testing.T, suite ecc.Suite, name string, got []byte) {
	path := filepath.Join("testdata", "golden", suite.String(), name+".hex")
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, fold(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, fold(got)) {
		t.Errorf("%s (%v): encoding differs from the golden file", name, suite)
	}
	v, err := decoders[name](suite, got)
	if err != nil || !bytes.Equal(v.Encode(), got) {
		t.Errorf("%s (%v): golden bytes do not decode to themselves: %v", name, suite, err)
	}
}

// fold writes hexadecimal in lines of 64 bytes, so that a diff can be read.
func fold(b []byte) []byte {
	var out strings.Builder
	for len(b) > 0 {
		n := min(64, len(b))
		out.WriteString(hex.EncodeToString(b[:n]) + "\n")
		b = b[n:]
	}
	return []byte(out.String())
}

func sortedKeys[V any](m map[string]V) []string {
	var k []string
	for name := range m {
		k = append(k, name)
	}
	sort.Strings(k)
	return k
}

// Every truncation and every trailing byte is refused, at every decoder.
func TestTruncatedAndTrailingBytesAreRefused(t *testing.T) {
	for name, b := range bodies(newWorld(t, ecc.SuiteX25519)) {
		for n := range b {
			if _, err := decoders[name](ecc.SuiteX25519, b[:n]); err == nil {
				t.Fatalf("%s: accepted %d of %d bytes", name, n, len(b))
			}
		}
		if _, err := decoders[name](ecc.SuiteX25519, append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("%s: accepted a trailing byte", name)
		}
	}
}

// A body of one kind never decodes as another.
func TestBodiesAreNotInterchangeable(t *testing.T) {
	all := bodies(newWorld(t, ecc.SuiteX25519))
	for name, b := range all {
		for other, decode := range decoders {
			if other == name {
				continue
			}
			if _, err := decode(ecc.SuiteX25519, b); err == nil {
				t.Errorf("%s decodes as %s", name, other)
			}
		}
	}
}

// What decodes encodes to the same bytes: there is one encoding of each value.
func FuzzDecode(f *testing.F) {
	names := sortedKeys(decoders)
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		for name, b := range bodies(newWorld(f, suite)) {
			f.Add(uint8(sort.SearchStrings(names, name)), uint8(suite), b)
		}
	}
	f.Fuzz(func(t *testing.T, which, suite uint8, b []byte) {
		if int(which) >= len(names) || !ecc.Suite(suite).Valid() {
			return
		}
		v, err := decoders[names[which]](ecc.Suite(suite), b)
		if err == nil && !bytes.Equal(v.Encode(), b) {
			t.Fatalf("%s: two encodings of one value", names[which])
		}
	})
}
