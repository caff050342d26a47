package auditexport

// Code systems.
const (
	systemEventType     = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemDICOM         = "http://dicom.nema.org/resources/ontology/DCM"
	systemRestful       = "http://hl7.org/fhir/restful-interaction"
	systemLifecycle     = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	systemEntityType    = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemObjectRole    = "http://terminology.hl7.org/CodeSystem/object-role"
	systemResourceTypes = "http://hl7.org/fhir/resource-types"
	systemSourceType    = "http://terminology.hl7.org/CodeSystem/security-source-type"
	systemParticipation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemProvenance    = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	systemBALPEntity    = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
)

// Namespaces of the identifiers, and the extension that carries an entry's place in the trail.
const (
	NamespacePatient    = "urn:medunion:patient"        // ID_P
	NamespaceRecord     = "urn:medunion:record"         // hospital.RecordName
	NamespaceCredential = "urn:medunion:credential"     // c_X
	NamespaceLicence    = "urn:medunion:licence"        // of a doctor
	NamespaceConsent    = "urn:medunion:consent"        // H(Consent)
	NamespaceReceipt    = "urn:medunion:receipt"        // number of a release or diagnosis among its patient's
	NamespaceCloud      = "urn:medunion:cloud"          // ID_PC
	NamespaceToken      = "urn:medunion:operator-token" // the subject of an operator's token
	NamespaceOperator   = "urn:medunion:operator"       // a user of the machines

	extensionChain  = "urn:medunion:audit-chain"
	extensionAbsent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
)

// BALP's profiles whose constraints the events keep that name them.
const (
	balp              = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/"
	ProfileRead       = balp + "IHE.BasicAudit.PatientRead"
	ProfileCreate     = balp + "IHE.BasicAudit.PatientCreate"
	ProfileDelete     = balp + "IHE.BasicAudit.PatientDelete"
	ProfileDisclosure = balp + "IHE.BasicAudit.PrivacyDisclosure.Source"
)

func dicom(code, display string) Coding { return Coding{systemDICOM, code, display} }

// What the events say they are, who took part, and what they were about.
var (
	TypeRest           = Coding{systemEventType, "rest", "Restful Operation"}
	TypeAuditUsed      = dicom("110101", "Audit Log Used")
	TypeExport         = dicom("110106", "Export")
	TypeAlert          = dicom("110113", "Security Alert")
	TypeAuthentication = dicom("110114", "User Authentication")

	SubtypeLogin      = dicom("110122", "Login")
	SubtypeConfigured = dicom("110129", "Security Configuration")
	SubtypeRestricted = dicom("110132", "Use of Restricted Function")
	SubtypeObject     = dicom("110135", "Object Security Attributes Changed")
	SubtypeUser       = dicom("110137", "User Security Attributes Changed")
	SubtypeRead       = Coding{systemRestful, "read", "read"}
	SubtypeCreate     = Coding{systemRestful, "create", "create"}
	SubtypeDelete     = Coding{systemRestful, "delete", "delete"}
	SubtypeSearch     = Coding{systemRestful, "search", "search"}
	SubtypeDisclose   = Coding{systemLifecycle, "disclose", "Disclose Record Lifecycle Event"}

	RoleApplication = dicom("110150", "Application")
	RoleDestination = dicom("110152", "Destination Role ID")
	RoleSource      = dicom("110153", "Source Role ID")
	RoleRecipient   = Coding{systemParticipation, "IRCP", "information recipient"}
	RoleAuthor      = Coding{systemParticipation, "AUT", "author (originator)"}
	RoleCustodian   = Coding{systemProvenance, "custodian", "Custodian"}
	RoleKeeper      = Coding{systemParticipation, "CST", "custodian"}

	TypePerson  = Coding{systemEntityType, "1", "Person"}
	TypeObject  = Coding{systemEntityType, "2", "System Object"}
	TypeConsent = Coding{systemResourceTypes, "Consent", "Consent"}
	TypeRequest = Coding{systemBALPEntity, "XrequestId", ""}

	RolePatient  = Coding{systemObjectRole, "1", "Patient"}
	RoleReport   = Coding{systemObjectRole, "3", "Report"}
	RoleDomain   = Coding{systemObjectRole, "4", "Domain Resource"}
	RoleUser     = Coding{systemObjectRole, "11", "Security User Entity"}
	RoleSecurity = Coding{systemObjectRole, "13", "Security Resource"}

	SourceServer = Coding{systemSourceType, "4", "Application Server"}
)

// Outcomes, of http://terminology.hl7.org/CodeSystem/audit-event-outcome.
const (
	OutcomeSuccess = "0"
	OutcomeFailure = "8" // serious: the action ended, as in BALP's example of a denied authorization
)
