package auditevents

import (
	"encoding/hex"
	"fmt"
	"strconv"

	audit "medunion/api/auditexport"
	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

func (s Site) agent(role audit.Coding) audit.Agent {
	return audit.Agent{Type: audit.As(role), Who: s.self(), Network: &audit.Network{Address: s.Address, Type: "5"}}
}

// client is the program that spoke with the hospital.
func client(role audit.Coding, who audit.Reference) audit.Agent {
	return audit.Agent{Type: audit.As(role), Who: who, Network: audit.Masked}
}

func program(owner string) audit.Reference { return audit.Reference{Type: "Device", Display: owner} }

// doctor is the person who asked: by her licence, and by c_D where no licence was seen yet.
func doctor(role audit.Coding, a hospital.Audited) audit.Agent {
	who := audit.Reference{Type: "Practitioner", Display: "not identified"}
	switch {
	case a.Licence != "":
		who = audit.Reference{Type: "Practitioner", Identifier: audit.Named(audit.NamespaceLicence, a.Licence)}
	case a.Doctor != message.Hash{}:
		who = audit.Reference{Type: "Practitioner", Identifier: audit.Named(audit.NamespaceCredential, hex.EncodeToString(a.Doctor[:]))}
	}
	return audit.Agent{Type: audit.As(role), Who: who, AltID: audit.Hex(a.Doctor), Requestor: true}
}

// subject is the patient: by ID_P, and where the event does not know it by the record's name.
func subject(s Site, a hospital.Audited) audit.Reference {
	switch {
	case a.Patient != "":
		return audit.Reference{Type: "Patient", Identifier: audit.Named(audit.NamespacePatient, string(a.Patient))}
	case a.Handle != hospital.Handle{}:
		return audit.Reference{Type: "Patient", Identifier: audit.Named(audit.NamespaceRecord, s.record(a))}
	}
	return audit.Reference{Type: "Patient", Display: "not identified"}
}

func (s Site) record(a hospital.Audited) string {
	name := s.Record(a.Handle)
	return hex.EncodeToString(name[:])
}

func released(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{s.agent(audit.RoleSource), client(audit.RoleDestination, program("the doctor's program")), doctor(audit.RoleRecipient, a)}
}

func diagnosed(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{client(audit.RoleSource, program("the doctor's program")), s.agent(audit.RoleDestination), doctor(audit.RoleAuthor, a)}
}

func imported(s Site, _ hospital.Audited) []audit.Agent {
	return []audit.Agent{client(audit.RoleSource, program("the hospital's systems")), s.agent(audit.RoleDestination)}
}

func asked(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{client(audit.RoleDestination, program("the patient's program")), s.agent(audit.RoleSource),
		{Type: audit.As(audit.RoleRecipient), Who: subject(s, a), Requestor: true}}
}

func byPatient(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{{Type: audit.As(audit.RoleAuthor), Who: subject(s, a), Requestor: true}, s.agent(audit.RoleApplication)}
}

func bySystem(s Site, _ hospital.Audited) []audit.Agent {
	return []audit.Agent{client(audit.RoleApplication, program("the administration")), s.agent(audit.RoleApplication)}
}

func byDoctor(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{doctor(audit.RoleRecipient, a), s.agent(audit.RoleApplication)}
}

func byWhoever(s Site, a hospital.Audited) []audit.Agent {
	switch {
	case a.Operator != "":
		return byOperator(s, a)
	case a.Doctor != message.Hash{} || a.Licence != "":
		return byDoctor(s, a)
	case a.Patient != "":
		return byPatient(s, a)
	}
	who := audit.Agent{Type: audit.As(audit.RoleApplication), Who: audit.Reference{Display: "not identified"}, Requestor: true, Network: audit.Masked}
	return []audit.Agent{who, s.agent(audit.RoleApplication)}
}

func erased(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{client(audit.RoleApplication, program("the administration")), s.agent(audit.RoleCustodian), audit.Keeper(a.Operator)}
}

func byOperator(s Site, a hospital.Audited) []audit.Agent {
	return []audit.Agent{audit.Keeper(a.Operator), s.agent(audit.RoleApplication)}
}

type entities = func(Site, hospital.Audited) []audit.Entity

// join is the entities of all its parts; a part that the event says nothing of is left out.
func join(parts ...entities) entities {
	return func(s Site, a hospital.Audited) (out []audit.Entity) {
		for _, p := range parts {
			out = append(out, p(s, a)...)
		}
		return out
	}
}

func patient(s Site, a hospital.Audited) []audit.Entity {
	if a.Patient == "" && a.Handle == (hospital.Handle{}) {
		return nil
	}
	e := audit.Entity{What: subject(s, a), Type: audit.TypePerson, Role: &audit.RolePatient}
	if a.Patient != "" && a.Handle != (hospital.Handle{}) {
		e.Detail = []audit.Detail{{Type: "record", ValueString: s.record(a)}}
	}
	return []audit.Entity{e}
}

func receipt(_ Site, a hospital.Audited) []audit.Entity {
	number := audit.Named(audit.NamespaceReceipt, strconv.FormatUint(a.Receipt, 10))
	return []audit.Entity{{What: audit.Reference{Type: "Bundle", Identifier: number}, Type: audit.TypeObject,
		Role: &audit.RoleReport, Description: fmt.Sprintf("%d resources", a.Count)}}
}

// resources is what of the record was read or written, without saying what it is: the trail does not know.
func resources(_ Site, a hospital.Audited) []audit.Entity {
	e := audit.Entity{What: audit.Reference{Type: "Bundle", Display: "record"}, Type: audit.TypeObject, Role: &audit.RoleDomain}
	if a.Receipt != 0 {
		e.What = audit.Reference{Type: "Bundle", Identifier: audit.Named(audit.NamespaceReceipt, strconv.FormatUint(a.Receipt, 10))}
	}
	if a.Count != 0 {
		e.Description = fmt.Sprintf("%d resources", a.Count)
	}
	return []audit.Entity{e}
}

// destroyed is the record itself. BALP permits no details of it here.
func destroyed(Site, hospital.Audited) []audit.Entity {
	return []audit.Entity{{What: audit.Reference{Type: "Bundle", Display: "record"}, Type: audit.TypeObject, Role: &audit.RoleDomain}}
}

func consent(_ Site, a hospital.Audited) []audit.Entity {
	if a.Consent == (message.Hash{}) {
		return nil
	}
	return []audit.Entity{{What: audit.Reference{Type: "Consent", Identifier: audit.Named(audit.NamespaceConsent, hex.EncodeToString(a.Consent[:]))}, Type: audit.TypeConsent}}
}

// step is the message that was handled, and how many refusals of strangers are not listed.
func step(_ Site, a hospital.Audited) []audit.Entity {
	if a.Step == "" && a.Note == "" {
		return nil
	}
	e := audit.Entity{What: audit.Reference{Display: "administration"}, Type: audit.TypeObject, Role: &audit.RoleSecurity}
	if a.Step != "" {
		e.What.Display = "message " + string(a.Step)
	}
	if a.Note != "" {
		e.Description = a.Note
	}
	if a.Count != 0 {
		e.Detail = []audit.Detail{{Type: "refusals before it that are not listed", ValueString: strconv.Itoa(a.Count)}}
	}
	return []audit.Entity{e}
}

func trail(_ Site, a hospital.Audited) []audit.Entity {
	return []audit.Entity{audit.Log("audit trail", a.Note)}
}

func request(_ Site, a hospital.Audited) []audit.Entity { return audit.Request(a.Request) }
