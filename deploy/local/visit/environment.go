package visit

import "medunion/deploy/local/suite"

// WriteEnvironment writes the variables of a shell with which commands reach the services,
// the doctor's hospital, and the two people, and returns the path of the file.
func (p *Parties) WriteEnvironment(plan Plan) (string, error) {
	card, err := p.Doctor.Card()
	if err != nil {
		return "", err
	}
	return p.Suite.WriteEnvironment(suite.Environment{Hospital: p.Suite.Hospitals[plan.Home],
		Doctor: "doctor-" + DoctorID, Patient: PatientName, Link: card.Link})
}
