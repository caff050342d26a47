package message

// Coding names one concept of a code system, as FHIR R4 does: System is the
// URI of the code system ("" if the source names none), Code the code in it.
type Coding struct {
	System string
	Code   string
}

// ClassRule assigns FHIR R4 resources to one record class. It is a row of the
// table in the signed public parameters, so that patient, doctor and hospital
// mean the same records when a consent names a class.
//
// A rule without CategoryCode holds for every resource of ResourceType. With
// it, the rule holds for resources that carry that code among their
// categories; CategorySystem then narrows the code to one code system, and ""
// accepts the code of any system.
type ClassRule struct {
	ResourceType   string
	CategorySystem string
	CategoryCode   string
	Class          string
}

// ClassOther is the class of what no rule names.
const ClassOther = "OTHER"

// DepartmentGeneral is the department of what no rule places elsewhere.
const DepartmentGeneral = "GENERAL"

// DefaultDepartments are the department codes (ID_DE) of the default
// parameters; the last is the default department.
var DefaultDepartments = []string{
	"EMERGENCY",
	"INPATIENT",
	"SURGERY",
	"OBSTETRICS",
	"OUTPATIENT",
	DepartmentGeneral,
}

// DefaultClasses are the record classes of the default parameters: at most 20
// codes of at most 12 upper-case ASCII letters.
var DefaultClasses = []string{
	"ALLERGY",
	"PROBLEM",
	"MEDICATION",
	"IMMUNIZATION",
	"PROCEDURE",
	"LAB",
	"VITAL",
	"IMAGING",
	"DIAGNOSTIC",
	"GENETIC",
	"FAMILY",
	"SOCIAL",
	"SURVEY",
	"CAREPLAN",
	"DOCUMENT",
	"ENCOUNTER",
	"FINANCIAL",
	"DEMOGRAPHIC",
	"ADMIN",
	ClassOther,
}

// ClassOf returns the record class of a resource of the given type that
// carries the given categories. The most specific rule decides: type, system
// and code; then type and code of any system; then the type alone; else
// ClassOther. Among equally specific rules the first in the table wins, so a
// table lists the class that a patient would rather withhold first.
func ClassOf(rules []ClassRule, resourceType string, categories []Coding) string {
	class, best := ClassOther, 0
	for _, r := range rules {
		if r.ResourceType != resourceType {
			continue
		}
		if s := r.specificity(categories); s > best {
			class, best = r.Class, s
		}
	}
	return class
}

// specificity is 3 for a match of system and code, 2 for a match of the code
// alone, 1 for a rule over the whole type, and 0 for no match.
func (r ClassRule) specificity(categories []Coding) int {
	if r.CategoryCode == "" {
		return 1
	}
	for _, c := range categories {
		if c.Code != r.CategoryCode {
			continue
		}
		switch r.CategorySystem {
		case "":
			return 2
		case c.System:
			return 3
		}
	}
	return 0
}

const (
	systemV20074 = "http://terminology.hl7.org/CodeSystem/v2-0074"
	systemLOINC  = "http://loinc.org"
	systemSNOMED = "http://snomed.info/sct"
)

// DefaultClassRules is the table of the default parameters. It covers every
// FHIR R4 resource type that describes a patient, her care or who gives it.
// Definitional and conformance types (ValueSet, PlanDefinition, ...) describe
// nobody and are left to ClassOther.
//
// The codes of Observation.category are taken in any code system: R4 and the
// releases before it write the same words under different URIs, and a
// laboratory result without a system is a laboratory result still.
var DefaultClassRules = []ClassRule{
	// Observation, by http://terminology.hl7.org/CodeSystem/observation-category.
	{"Observation", "", "genomics", "GENETIC"},
	{"Observation", "", "social-history", "SOCIAL"},
	{"Observation", "", "survey", "SURVEY"},
	{"Observation", "", "laboratory", "LAB"},
	{"Observation", "", "imaging", "IMAGING"},
	{"Observation", "", "vital-signs", "VITAL"},
	{"Observation", "", "activity", "VITAL"},
	{"Observation", "", "procedure", "PROCEDURE"},
	{"Observation", "", "therapy", "PROCEDURE"},
	{"Observation", "", "exam", "DIAGNOSTIC"},
	{"Observation", "", "", "DIAGNOSTIC"},

	// DiagnosticReport, by HL7 table 0074 (diagnostic service sections) ...
	{"DiagnosticReport", systemV20074, "GE", "GENETIC"},
	{"DiagnosticReport", systemV20074, "CG", "GENETIC"},
	{"DiagnosticReport", systemV20074, "BG", "LAB"},
	{"DiagnosticReport", systemV20074, "BLB", "LAB"},
	{"DiagnosticReport", systemV20074, "CH", "LAB"},
	{"DiagnosticReport", systemV20074, "CP", "LAB"},
	{"DiagnosticReport", systemV20074, "HM", "LAB"},
	{"DiagnosticReport", systemV20074, "IMM", "LAB"},
	{"DiagnosticReport", "", "LAB", "LAB"},
	{"DiagnosticReport", systemV20074, "MB", "LAB"},
	{"DiagnosticReport", systemV20074, "MCB", "LAB"},
	{"DiagnosticReport", systemV20074, "MYC", "LAB"},
	{"DiagnosticReport", systemV20074, "OSL", "LAB"},
	{"DiagnosticReport", systemV20074, "PAR", "LAB"},
	{"DiagnosticReport", systemV20074, "PAT", "LAB"},
	{"DiagnosticReport", systemV20074, "SP", "LAB"},
	{"DiagnosticReport", systemV20074, "SR", "LAB"},
	{"DiagnosticReport", systemV20074, "TX", "LAB"},
	{"DiagnosticReport", systemV20074, "URN", "LAB"},
	{"DiagnosticReport", systemV20074, "VR", "LAB"},
	{"DiagnosticReport", systemV20074, "CT", "IMAGING"},
	{"DiagnosticReport", systemV20074, "CUS", "IMAGING"},
	{"DiagnosticReport", systemV20074, "IMG", "IMAGING"},
	{"DiagnosticReport", systemV20074, "NMR", "IMAGING"},
	{"DiagnosticReport", systemV20074, "NMS", "IMAGING"},
	{"DiagnosticReport", systemV20074, "OUS", "IMAGING"},
	{"DiagnosticReport", "", "RAD", "IMAGING"},
	{"DiagnosticReport", systemV20074, "RUS", "IMAGING"},
	{"DiagnosticReport", systemV20074, "RX", "IMAGING"},
	{"DiagnosticReport", systemV20074, "VUS", "IMAGING"},
	{"DiagnosticReport", systemV20074, "XRC", "IMAGING"},
	{"DiagnosticReport", systemV20074, "ICU", "VITAL"},
	{"DiagnosticReport", systemV20074, "NRS", "VITAL"},
	{"DiagnosticReport", systemV20074, "CTH", "PROCEDURE"},
	{"DiagnosticReport", systemV20074, "RT", "PROCEDURE"},
	{"DiagnosticReport", systemV20074, "PHR", "MEDICATION"},
	{"DiagnosticReport", systemV20074, "PHY", "DOCUMENT"},
	// ... or by LOINC parts.
	{"DiagnosticReport", systemLOINC, "LP7839-6", "LAB"},
	{"DiagnosticReport", systemLOINC, "LP29693-6", "LAB"},
	{"DiagnosticReport", systemLOINC, "LP29684-5", "IMAGING"},
	{"DiagnosticReport", "", "", "DIAGNOSTIC"},

	// ServiceRequest, by the categories that R4 gives as examples.
	{"ServiceRequest", systemSNOMED, "108252007", "LAB"},
	{"ServiceRequest", systemSNOMED, "363679005", "IMAGING"},
	{"ServiceRequest", systemSNOMED, "409063005", "CAREPLAN"},
	{"ServiceRequest", systemSNOMED, "409073007", "CAREPLAN"},
	{"ServiceRequest", "", "", "PROCEDURE"},

	{"AllergyIntolerance", "", "", "ALLERGY"},

	{"AdverseEvent", "", "", "PROBLEM"},
	{"BodyStructure", "", "", "PROBLEM"},
	{"ClinicalImpression", "", "", "PROBLEM"},
	{"Condition", "", "", "PROBLEM"},
	{"DetectedIssue", "", "", "PROBLEM"},
	{"Flag", "", "", "PROBLEM"},
	{"RiskAssessment", "", "", "PROBLEM"},

	{"Medication", "", "", "MEDICATION"},
	{"MedicationAdministration", "", "", "MEDICATION"},
	{"MedicationDispense", "", "", "MEDICATION"},
	{"MedicationKnowledge", "", "", "MEDICATION"},
	{"MedicationRequest", "", "", "MEDICATION"},
	{"MedicationStatement", "", "", "MEDICATION"},
	{"Substance", "", "", "MEDICATION"},

	{"Immunization", "", "", "IMMUNIZATION"},
	{"ImmunizationEvaluation", "", "", "IMMUNIZATION"},
	{"ImmunizationRecommendation", "", "", "IMMUNIZATION"},

	{"Device", "", "", "PROCEDURE"},
	{"DeviceMetric", "", "", "PROCEDURE"},
	{"DeviceRequest", "", "", "PROCEDURE"},
	{"DeviceUseStatement", "", "", "PROCEDURE"},
	{"Procedure", "", "", "PROCEDURE"},

	{"BiologicallyDerivedProduct", "", "", "LAB"},
	{"Specimen", "", "", "LAB"},

	{"ImagingStudy", "", "", "IMAGING"},
	{"Media", "", "", "IMAGING"},

	{"MolecularSequence", "", "", "GENETIC"},

	{"FamilyMemberHistory", "", "", "FAMILY"},

	{"QuestionnaireResponse", "", "", "SURVEY"},

	{"CarePlan", "", "", "CAREPLAN"},
	{"CareTeam", "", "", "CAREPLAN"},
	{"Goal", "", "", "CAREPLAN"},
	{"GuidanceResponse", "", "", "CAREPLAN"},
	{"NutritionOrder", "", "", "CAREPLAN"},
	{"RequestGroup", "", "", "CAREPLAN"},
	{"SupplyDelivery", "", "", "CAREPLAN"},
	{"SupplyRequest", "", "", "CAREPLAN"},
	{"Task", "", "", "CAREPLAN"},
	{"VisionPrescription", "", "", "CAREPLAN"},

	{"Binary", "", "", "DOCUMENT"},
	{"Communication", "", "", "DOCUMENT"},
	{"CommunicationRequest", "", "", "DOCUMENT"},
	{"Composition", "", "", "DOCUMENT"},
	{"Consent", "", "", "DOCUMENT"},
	{"DocumentManifest", "", "", "DOCUMENT"},
	{"DocumentReference", "", "", "DOCUMENT"},
	{"List", "", "", "DOCUMENT"},

	{"Appointment", "", "", "ENCOUNTER"},
	{"AppointmentResponse", "", "", "ENCOUNTER"},
	{"Encounter", "", "", "ENCOUNTER"},
	{"EpisodeOfCare", "", "", "ENCOUNTER"},

	{"Account", "", "", "FINANCIAL"},
	{"ChargeItem", "", "", "FINANCIAL"},
	{"Claim", "", "", "FINANCIAL"},
	{"ClaimResponse", "", "", "FINANCIAL"},
	{"Contract", "", "", "FINANCIAL"},
	{"Coverage", "", "", "FINANCIAL"},
	{"CoverageEligibilityRequest", "", "", "FINANCIAL"},
	{"CoverageEligibilityResponse", "", "", "FINANCIAL"},
	{"EnrollmentRequest", "", "", "FINANCIAL"},
	{"EnrollmentResponse", "", "", "FINANCIAL"},
	{"ExplanationOfBenefit", "", "", "FINANCIAL"},
	{"InsurancePlan", "", "", "FINANCIAL"},
	{"Invoice", "", "", "FINANCIAL"},
	{"PaymentNotice", "", "", "FINANCIAL"},
	{"PaymentReconciliation", "", "", "FINANCIAL"},

	{"Patient", "", "", "DEMOGRAPHIC"},
	{"Person", "", "", "DEMOGRAPHIC"},
	{"RelatedPerson", "", "", "DEMOGRAPHIC"},

	{"AuditEvent", "", "", "ADMIN"},
	{"Endpoint", "", "", "ADMIN"},
	{"Group", "", "", "ADMIN"},
	{"HealthcareService", "", "", "ADMIN"},
	{"Location", "", "", "ADMIN"},
	{"Organization", "", "", "ADMIN"},
	{"OrganizationAffiliation", "", "", "ADMIN"},
	{"Practitioner", "", "", "ADMIN"},
	{"PractitionerRole", "", "", "ADMIN"},
	{"Provenance", "", "", "ADMIN"},
	{"ResearchSubject", "", "", "ADMIN"},
	{"Schedule", "", "", "ADMIN"},
	{"Slot", "", "", "ADMIN"},

	{"Basic", "", "", ClassOther},
}
