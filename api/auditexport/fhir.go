package auditexport

import (
	"encoding/hex"

	"medunion/api/message"
)

// Resource is a FHIR R4 AuditEvent, with the elements that the export uses.
type Resource struct {
	ResourceType string      `json:"resourceType"`
	ID           string      `json:"id"`
	Meta         *Meta       `json:"meta,omitempty"`
	Extension    []Extension `json:"extension"`
	Type         Coding      `json:"type"`
	Subtype      []Coding    `json:"subtype,omitempty"`
	Action       string      `json:"action"`
	Recorded     string      `json:"recorded"`
	Outcome      string      `json:"outcome"`
	OutcomeDesc  string      `json:"outcomeDesc,omitempty"`
	Agent        []Agent     `json:"agent"`
	Source       Source      `json:"source"`
	Entity       []Entity    `json:"entity,omitempty"`
}

// Meta names the profiles that the event keeps.
type Meta struct {
	Profile []string `json:"profile"`
}

// Extension is one, or a group of them.
type Extension struct {
	URL         string      `json:"url"`
	ValueString string      `json:"valueString,omitempty"`
	ValueCode   string      `json:"valueCode,omitempty"`
	Extension   []Extension `json:"extension,omitempty"`
}

// Coding is a code of a code system.
type Coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

// Concept is FHIR's CodeableConcept.
type Concept struct {
	Coding []Coding `json:"coding"`
}

// Identifier is a name in a namespace.
type Identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

// Reference names what is spoken of, without an address.
type Reference struct {
	Type       string      `json:"type,omitempty"`
	Identifier *Identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

// Agent is who took part.
type Agent struct {
	Type      Concept   `json:"type"`
	Who       Reference `json:"who"`
	AltID     string    `json:"altId,omitempty"`
	Requestor bool      `json:"requestor"`
	Network   *Network  `json:"network,omitempty"`
}

// Network is from where, or why that is not said.
type Network struct {
	Extension []Extension `json:"extension,omitempty"`
	Address   string      `json:"address,omitempty"`
	Type      string      `json:"type,omitempty"`
}

// Source is who observed it.
type Source struct {
	Site     string    `json:"site"`
	Observer Reference `json:"observer"`
	Type     []Coding  `json:"type"`
}

// Entity is what it was about.
type Entity struct {
	What        Reference `json:"what"`
	Type        Coding    `json:"type"`
	Role        *Coding   `json:"role,omitempty"`
	Name        string    `json:"name,omitempty"`
	Description string    `json:"description,omitempty"`
	Detail      []Detail  `json:"detail,omitempty"`
}

// Detail is one more thing about an entity.
type Detail struct {
	Type        string `json:"type"`
	ValueString string `json:"valueString"`
}

// Named is an identifier in a namespace.
func Named(system, value string) *Identifier { return &Identifier{System: system, Value: value} }

// Hex is a hash as identifiers have it, "" for the zero one.
func Hex(h message.Hash) string {
	if h == (message.Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// As is an agent's type.
func As(role Coding) Concept { return Concept{[]Coding{role}} }

// Masked stands for the address of a client: the services keep none.
var Masked = &Network{Extension: []Extension{{URL: extensionAbsent, ValueCode: "masked"}}}

// Keeper is who ran a command of the administration, as the system names him.
func Keeper(operator string) Agent {
	who := Reference{Type: "Practitioner", Display: "not identified"}
	if operator != "" {
		who = Reference{Type: "Practitioner", Identifier: Named(NamespaceOperator, operator)}
	}
	return Agent{Type: As(RoleKeeper), Who: who, Requestor: true}
}

// Request is the HTTP request in which it happened, if there was one.
func Request(id string) []Entity {
	if id == "" {
		return nil
	}
	return []Entity{{What: Reference{Identifier: &Identifier{Value: id}}, Type: TypeRequest}}
}

// Log is an audit trail itself, of which a part was read.
func Log(name, part string) Entity {
	return Entity{What: Reference{Display: name}, Type: TypeObject, Role: &RoleSecurity, Name: "Security Audit Log", Description: part}
}
