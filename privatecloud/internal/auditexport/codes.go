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
	namespacePatient    = "urn:medunion:patient"    // ID_P
	namespaceRecord     = "urn:medunion:record"     // hospital.RecordName
	namespaceCredential = "urn:medunion:credential" // c_X
	namespaceLicence    = "urn:medunion:licence"    // of a doctor
	namespaceConsent    = "urn:medunion:consent"    // H(Consent)
	namespaceReceipt    = "urn:medunion:receipt"    // number of a release or diagnosis among its patient's
	namespaceOperator   = "urn:medunion:operator"   // a user of the hospital's machines

	extensionChain  = "urn:medunion:audit-chain"
	extensionAbsent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
)

// BALP's profiles whose constraints the events below keep.
const (
	balp              = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/"
	profileRead       = balp + "IHE.BasicAudit.PatientRead"
	profileCreate     = balp + "IHE.BasicAudit.PatientCreate"
	profileDelete     = balp + "IHE.BasicAudit.PatientDelete"
	profileDisclosure = balp + "IHE.BasicAudit.PrivacyDisclosure.Source"
)

func dicom(code, display string) coding { return coding{systemDICOM, code, display} }

var (
	typeRest           = coding{systemEventType, "rest", "Restful Operation"}
	typeAuditUsed      = dicom("110101", "Audit Log Used")
	typeExport         = dicom("110106", "Export")
	typeAlert          = dicom("110113", "Security Alert")
	typeAuthentication = dicom("110114", "User Authentication")

	subtypeLogin      = dicom("110122", "Login")
	subtypeConfigured = dicom("110129", "Security Configuration")
	subtypeRestricted = dicom("110132", "Use of Restricted Function")
	subtypeObject     = dicom("110135", "Object Security Attributes Changed")
	subtypeUser       = dicom("110137", "User Security Attributes Changed")
	subtypeRead       = coding{systemRestful, "read", "read"}
	subtypeCreate     = coding{systemRestful, "create", "create"}
	subtypeDelete     = coding{systemRestful, "delete", "delete"}
	subtypeSearch     = coding{systemRestful, "search", "search"}
	subtypeDisclose   = coding{systemLifecycle, "disclose", "Disclose Record Lifecycle Event"}

	roleApplication = dicom("110150", "Application")
	roleDestination = dicom("110152", "Destination Role ID")
	roleSource      = dicom("110153", "Source Role ID")
	roleRecipient   = coding{systemParticipation, "IRCP", "information recipient"}
	roleAuthor      = coding{systemParticipation, "AUT", "author (originator)"}
	roleCustodian   = coding{systemProvenance, "custodian", "Custodian"}
	roleKeeper      = coding{systemParticipation, "CST", "custodian"}

	typePerson  = coding{systemEntityType, "1", "Person"}
	typeObject  = coding{systemEntityType, "2", "System Object"}
	typeConsent = coding{systemResourceTypes, "Consent", "Consent"}
	typeRequest = coding{systemBALPEntity, "XrequestId", ""}

	rolePatient  = coding{systemObjectRole, "1", "Patient"}
	roleReport   = coding{systemObjectRole, "3", "Report"}
	roleDomain   = coding{systemObjectRole, "4", "Domain Resource"}
	roleSecurity = coding{systemObjectRole, "13", "Security Resource"}

	sourceServer = coding{systemSourceType, "4", "Application Server"}
)

// Outcomes, of http://terminology.hl7.org/CodeSystem/audit-event-outcome.
const (
	outcomeSuccess = "0"
	outcomeFailure = "8" // serious: the action ended, as in BALP's example of a denied authorization
)
