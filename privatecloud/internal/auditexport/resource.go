package auditexport

// Resource is a FHIR R4 AuditEvent, with the elements that the export uses.
type Resource struct {
	ResourceType string      `json:"resourceType"`
	ID           string      `json:"id"`
	Meta         *meta       `json:"meta,omitempty"`
	Extension    []extension `json:"extension"`
	Type         coding      `json:"type"`
	Subtype      []coding    `json:"subtype,omitempty"`
	Action       string      `json:"action"`
	Recorded     string      `json:"recorded"`
	Outcome      string      `json:"outcome"`
	OutcomeDesc  string      `json:"outcomeDesc,omitempty"`
	Agent        []agent     `json:"agent"`
	Source       source      `json:"source"`
	Entity       []entity    `json:"entity,omitempty"`
}

type meta struct {
	Profile []string `json:"profile"`
}

type extension struct {
	URL         string      `json:"url"`
	ValueString string      `json:"valueString,omitempty"`
	ValueCode   string      `json:"valueCode,omitempty"`
	Extension   []extension `json:"extension,omitempty"`
}

type coding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding"`
}

type identifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

type reference struct {
	Type       string      `json:"type,omitempty"`
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type agent struct {
	Type      concept   `json:"type"`
	Who       reference `json:"who"`
	AltID     string    `json:"altId,omitempty"`
	Requestor bool      `json:"requestor"`
	Network   *network  `json:"network,omitempty"`
}

type network struct {
	Extension []extension `json:"extension,omitempty"`
	Address   string      `json:"address,omitempty"`
	Type      string      `json:"type,omitempty"`
}

type source struct {
	Site     string    `json:"site"`
	Observer reference `json:"observer"`
	Type     []coding  `json:"type"`
}

type entity struct {
	What        reference `json:"what"`
	Type        coding    `json:"type"`
	Role        *coding   `json:"role,omitempty"`
	Name        string    `json:"name,omitempty"`
	Description string    `json:"description,omitempty"`
	Detail      []detail  `json:"detail,omitempty"`
}

type detail struct {
	Type        string `json:"type"`
	ValueString string `json:"valueString"`
}
