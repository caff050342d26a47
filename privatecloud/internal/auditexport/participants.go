package auditexport

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

// masked stands for the address of a client: the hospital keeps none.
var masked = &network{Extension: []extension{{URL: extensionAbsent, ValueCode: "masked"}}}

func as(role coding) concept { return concept{[]coding{role}} }

func (s Site) agent(role coding) agent {
	return agent{Type: as(role), Who: s.self(), Network: &network{Address: s.Address, Type: "5"}}
}

// client is the program that spoke with the hospital.
func client(role coding, who reference) agent {
	return agent{Type: as(role), Who: who, Network: masked}
}

func program(owner string) reference { return reference{Type: "Device", Display: owner} }

// doctor is the person who asked: by her licence, and by c_D where no licence was seen yet.
func doctor(role coding, a hospital.Audited) agent {
	who := reference{Type: "Practitioner", Display: "not identified"}
	switch {
	case a.Licence != "":
		who = reference{Type: "Practitioner", Identifier: named(namespaceLicence, a.Licence)}
	case a.Doctor != message.Hash{}:
		who = reference{Type: "Practitioner", Identifier: named(namespaceCredential, hex.EncodeToString(a.Doctor[:]))}
	}
	return agent{Type: as(role), Who: who, AltID: hexOf(a.Doctor), Requestor: true}
}

// subject is the patient: by ID_P, and where the event does not know it by the record's name.
func subject(s Site, a hospital.Audited) reference {
	switch {
	case a.Patient != "":
		return reference{Type: "Patient", Identifier: named(namespacePatient, string(a.Patient))}
	case a.Handle != hospital.Handle{}:
		return reference{Type: "Patient", Identifier: named(namespaceRecord, s.record(a))}
	}
	return reference{Type: "Patient", Display: "not identified"}
}

func (s Site) record(a hospital.Audited) string {
	name := s.Record(a.Handle)
	return hex.EncodeToString(name[:])
}

func released(s Site, a hospital.Audited) []agent {
	return []agent{s.agent(roleSource), client(roleDestination, program("the doctor's program")), doctor(roleRecipient, a)}
}

func diagnosed(s Site, a hospital.Audited) []agent {
	return []agent{client(roleSource, program("the doctor's program")), s.agent(roleDestination), doctor(roleAuthor, a)}
}

func imported(s Site, _ hospital.Audited) []agent {
	return []agent{client(roleSource, program("the hospital's systems")), s.agent(roleDestination)}
}

func asked(s Site, a hospital.Audited) []agent {
	return []agent{client(roleDestination, program("the patient's program")), s.agent(roleSource),
		{Type: as(roleRecipient), Who: subject(s, a), Requestor: true}}
}

func byPatient(s Site, a hospital.Audited) []agent {
	return []agent{{Type: as(roleAuthor), Who: subject(s, a), Requestor: true}, s.agent(roleApplication)}
}

func bySystem(s Site, _ hospital.Audited) []agent {
	return []agent{client(roleApplication, program("the administration")), s.agent(roleApplication)}
}

func byDoctor(s Site, a hospital.Audited) []agent {
	return []agent{doctor(roleRecipient, a), s.agent(roleApplication)}
}

func byWhoever(s Site, a hospital.Audited) []agent {
	switch {
	case a.Operator != "":
		return byOperator(s, a)
	case a.Doctor != message.Hash{} || a.Licence != "":
		return byDoctor(s, a)
	case a.Patient != "":
		return byPatient(s, a)
	}
	return []agent{{Type: as(roleApplication), Who: reference{Display: "not identified"}, Requestor: true, Network: masked}, s.agent(roleApplication)}
}

func erased(s Site, a hospital.Audited) []agent {
	return []agent{client(roleApplication, program("the administration")), s.agent(roleCustodian), operator(a)}
}

func byOperator(s Site, a hospital.Audited) []agent {
	return []agent{operator(a), s.agent(roleApplication)}
}

func operator(a hospital.Audited) agent {
	who := reference{Type: "Practitioner", Display: "not identified"}
	if a.Operator != "" {
		who = reference{Type: "Practitioner", Identifier: named(namespaceOperator, a.Operator)}
	}
	return agent{Type: as(roleKeeper), Who: who, Requestor: true}
}

type entities = func(Site, hospital.Audited) []entity

// join is the entities of all its parts; a part that the event says nothing of is left out.
func join(parts ...entities) entities {
	return func(s Site, a hospital.Audited) (out []entity) {
		for _, p := range parts {
			out = append(out, p(s, a)...)
		}
		return out
	}
}

func patient(s Site, a hospital.Audited) []entity {
	if a.Patient == "" && a.Handle == (hospital.Handle{}) {
		return nil
	}
	e := entity{What: subject(s, a), Type: typePerson, Role: &rolePatient}
	if a.Patient != "" && a.Handle != (hospital.Handle{}) {
		e.Detail = []detail{{"record", s.record(a)}}
	}
	return []entity{e}
}

func receipt(_ Site, a hospital.Audited) []entity {
	return []entity{{What: reference{Type: "Bundle", Identifier: named(namespaceReceipt, strconv.FormatUint(a.Receipt, 10))}, Type: typeObject,
		Role: &roleReport, Description: fmt.Sprintf("%d resources", a.Count)}}
}

// resources is what of the record was read or written, without saying what it is: the trail does not know.
func resources(_ Site, a hospital.Audited) []entity {
	e := entity{What: reference{Type: "Bundle", Display: "record"}, Type: typeObject, Role: &roleDomain}
	if a.Receipt != 0 {
		e.What = reference{Type: "Bundle", Identifier: named(namespaceReceipt, strconv.FormatUint(a.Receipt, 10))}
	}
	if a.Count != 0 {
		e.Description = fmt.Sprintf("%d resources", a.Count)
	}
	return []entity{e}
}

// destroyed is the record itself. BALP permits no details of it here.
func destroyed(Site, hospital.Audited) []entity {
	return []entity{{What: reference{Type: "Bundle", Display: "record"}, Type: typeObject, Role: &roleDomain}}
}

func consent(_ Site, a hospital.Audited) []entity {
	if a.Consent == (message.Hash{}) {
		return nil
	}
	return []entity{{What: reference{Type: "Consent", Identifier: named(namespaceConsent, hex.EncodeToString(a.Consent[:]))}, Type: typeConsent}}
}

// step is the message that was handled, and how many refusals of strangers are not listed.
func step(_ Site, a hospital.Audited) []entity {
	if a.Step == "" && a.Note == "" {
		return nil
	}
	e := entity{What: reference{Display: "administration"}, Type: typeObject, Role: &roleSecurity}
	if a.Step != "" {
		e.What.Display = "message " + string(a.Step)
	}
	if a.Note != "" {
		e.Description = a.Note
	}
	if a.Count != 0 {
		e.Detail = []detail{{"refusals before it that are not listed", strconv.Itoa(a.Count)}}
	}
	return []entity{e}
}

func trail(_ Site, a hospital.Audited) []entity {
	return []entity{{What: reference{Display: "audit trail"}, Type: typeObject, Role: &roleSecurity, Name: "Security Audit Log", Description: a.Note}}
}

func request(_ Site, a hospital.Audited) []entity {
	if a.Request == "" {
		return nil
	}
	return []entity{{What: reference{Identifier: &identifier{Value: a.Request}}, Type: typeRequest}}
}

func hexOf(h message.Hash) string {
	if h == (message.Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}
