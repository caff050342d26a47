package fhir

import "medunion/api/message"

const (
	systemSNOMED      = "http://snomed.info/sct"
	systemServiceType = "http://terminology.hl7.org/CodeSystem/service-type"
)

// DefaultRules tell apart the departments of message.DefaultDepartments.
// Emergency comes first: whoever arrives as an emergency was seen there,
// whatever was done next. Surgery and obstetrics come before inpatient and
// outpatient, which say only whether a bed was taken.
func DefaultRules() Rules {
	return Rules{
		Default: message.DepartmentGeneral,
		Rules: []Rule{
			{Department: "EMERGENCY", Class: anySystem("EMER")},
			{Department: "EMERGENCY", Type: snomed(
				"50849002", // emergency room admission
				"4525004",  // emergency department patient visit
			)},
			{Department: "EMERGENCY", ServiceType: append(serviceType(
				"117", // emergency medical
				"231", // A&E
			), snomed(
				"394576009", // accident and emergency
			)...)},

			{Department: "SURGERY", Type: snomed(
				"305408004", // admission to surgical department
				"387713003", // surgical procedure
			)},
			{Department: "SURGERY", ServiceType: append(serviceType(
				"207", // paediatric surgery
				"215", // cardiothoracic surgery
				"216", // neurosurgery
				"218", // orthopaedic surgery
				"219", // otolaryngology, head and neck surgery
				"220", // plastic and reconstructive surgery
				"221", // general surgery
				"223", // vascular surgery
			), snomed(
				"394609007", // general surgery
				"394539006", // paediatric surgery
				"394604002", // ear, nose and throat surgery
				"394610002", // neurosurgery
				"394611003", // plastic surgery
				"394732004", // other surgical specialty
				"394801008", // trauma and orthopaedics
				"408463005", // vascular surgery
				"408464004", // colorectal surgery
				"408466002", // cardiac surgery
				"408469009", // breast surgery
				"408474001", // hepatobiliary and pancreatic surgery
				"408477008", // transplantation surgery
			)...)},

			{Department: "OBSTETRICS", Type: snomed(
				"424441002", // prenatal initial visit
				"424619006", // prenatal visit
				"169762003", // postnatal visit
				"183460006", // obstetric emergency hospital admission
			)},
			{Department: "OBSTETRICS", ServiceType: append(serviceType(
				"186", // obstetrics and gynaecology
				"249", // antenatal
				"263", // birth
				"409", // postnatal
				"410", // pregnancy
				"482", // obstetrics
				"582", // maternity shared care
			), snomed(
				"394585009", // obstetrics and gynaecology
				"408470005", // obstetrics
			)...)},

			{Department: "INPATIENT", Class: anySystem(
				"IMP",    // inpatient encounter
				"ACUTE",  // inpatient acute
				"NONAC",  // inpatient non-acute
				"OBSENC", // observation encounter
				"SS",     // short stay
			)},
			{Department: "OUTPATIENT", Class: anySystem(
				"AMB", // ambulatory
				"VR",  // virtual
				"HH",  // home health
			)},
		},
	}
}

func anySystem(codes ...string) []ConceptMatch   { return codesOf("", codes) }
func snomed(codes ...string) []ConceptMatch      { return codesOf(systemSNOMED, codes) }
func serviceType(codes ...string) []ConceptMatch { return codesOf(systemServiceType, codes) }
func codesOf(system string, codes []string) (list []ConceptMatch) {
	for _, code := range codes {
		list = append(list, ConceptMatch{System: system, Code: code})
	}
	return list
}
