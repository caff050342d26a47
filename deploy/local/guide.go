package main

import (
	"context"
	"io"
	"path/filepath"
	"text/template"

	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	"medunion/deploy/postman"
)

// scene is what the guide shows.
type scene struct {
	Suite           *suite.Suite
	Plan            visit.Plan
	Link            string
	Doctor, Patient suite.API
	Home            *suite.Hospital
	Pages           pages
	Signals         string // folder of recordings to try
	Environment     string // file of variables for a shell
	Postman         string // file of the environment for the collections
}

// guide makes doctors and patients ready and prints every address and what to try. It
// writes the environment for Postman to the file environment; "" is one in dir.
func guide(ctx context.Context, w io.Writer, s *suite.Suite, src source.Source, dir, environment string) error {
	src = living(src)
	plan := visit.NewPlan(src)
	p, err := visit.Join(ctx, s, plan, &visit.Log{})
	if err != nil {
		return err
	}
	card, err := p.Doctor.Card()
	if err != nil {
		return err
	}
	sc := scene{Suite: s, Plan: plan, Link: card.Link, Home: s.Hospitals[plan.Home], Signals: filepath.Join(dir, "recordings")}
	if sc.Doctor, err = s.API("doctor-" + visit.DoctorID); err != nil {
		return err
	}
	if sc.Patient, err = s.API(visit.PatientName); err != nil {
		return err
	}
	if sc.Environment, err = p.WriteEnvironment(plan); err != nil {
		return err
	}
	if sc.Pages, err = makePages(ctx, s, plan, src, p); err != nil {
		return err
	}
	if err := writeRecordings(sc.Signals); err != nil {
		return err
	}
	if environment == "" {
		environment = filepath.Join(dir, "medunion.postman_environment.json")
	}
	if sc.Postman, err = filepath.Abs(environment); err != nil {
		return err
	}
	if err := postman.Write(ctx, s, plan, sc.Postman); err != nil {
		return err
	}
	return text.Execute(w, sc)
}

var text = template.Must(template.New("guide").Parse(`
Everything runs. Ctrl-C stops it.

In the browser:

  doctor            {{.Suite.Portal}}/
                    {{.Pages.Doctor.Name}}'s keys wait in a file: choose "I have my keys in a file"
                    file        {{.Pages.Doctor.File}}
                    passphrase  {{.Pages.DoctorPassphrase}}
                    As a new doctor instead: make keys, and paste the certificate request at {{.Suite.Authority}}/
  patient           {{.Pages.Patient}}
                    {{.Pages.PatientName}}, registered, linked at every hospital with a record; passphrase {{.Pages.Passphrase}}
  new patient       {{.Pages.New.Link}}
                    registration code {{.Pages.New.Code}}; as {{.Pages.New.Name}}, desk code{{if gt (len .Pages.New.Desks) 1}}s{{end}}{{range .Pages.New.Desks}}
                      {{.Hospital}}  {{.Code}}{{end}}
  measurements      {{.Signals}}/mitdb-100-60s-360hz.csv (ECG, 360 a second), ring_data.csv (a ring's pulse wave, 32 a second)

The parties:

  public cloud      {{.Suite.Cloud}}
{{range .Suite.Hospitals}}  {{.ID}}        {{.URL}}   administration {{.Admin}}
{{end}}  doctor portal     {{.Suite.Portal}}
  authority         {{.Suite.Authority}}   for development: it certifies whoever asks
  MongoDB (embedded) {{.Suite.Mongo}}
  Redis (embedded)  {{.Suite.Redis}}

  doctor's agent    {{.Doctor.URL}}   Maya Okafor, {{.Plan.Department}} at {{.Home.ID}}
  her card          {{.Link}}
  patient's agent   {{.Patient.URL}}   the patient of {{.Plan.File.Name}}, enrolled at her hospitals

Try everything with Postman: import the three collections of api/postman and the environment

  {{.Postman}}

or run them from a terminal in the project's folder, with JUnit and HTML reports:

  deploy/pages install && node api/postman/run.mjs --environment '{{.Postman}}' --reports /tmp/medunion-reports

In another terminal, addresses and tokens for curl and for programs (api/doc/rest.md says what to do with them):

  . '{{.Environment}}'

Try a visit by hand there:

  D="$DOCTOR/v1"; DA="Authorization: Bearer $DOCTOR_TOKEN"
  P="$PATIENT/v1"; PA="Authorization: Bearer $PATIENT_TOKEN"

  # the patient looks at the doctor's card, then consults her and keeps one class to herself
  curl -s -H "$PA" -H 'Content-Type: application/json' "$P/cards" -d '{"link":"'"$LINK"'"}'
  curl -s -H "$PA" -H 'Content-Type: application/json' "$P/visits" -d '{"link":"'"$LINK"'","passphrase":"'"$PASSPHRASE"'","withhold":{"classes":["{{.Plan.Withheld.Class}}"]}}'
  # the doctor sees her waiting, calls her in, searches and fetches
  until curl -s -H "$DA" "$D/visits" | grep -q '"state":"waiting"'; do sleep 1; done
  V=$(curl -s -H "$DA" "$D/visits" | grep -o '"id":"[0-9a-f]\{16\}"' | tail -n 1 | cut -d'"' -f4)
  curl -s -H "$DA" -X POST "$D/visits/$V/open"
  curl -s -H "$DA" -H 'Content-Type: application/json' "$D/visits/$V/records" -d '{}'
  until curl -s -H "$DA" "$D/visits/$V" | grep -q '"search":{"state":"done"}'; do sleep 1; done
  curl -s -H "$DA" "$D/visits/$V"            # what came of it at each hospital
  curl -s -H "$DA" "$D/visits/$V/records"    # what has come
  curl -s -H "$DA" -H 'Content-Type: application/json' "$D/visits/$V/diagnosis" -d '{"text":"Hypertension","note":"Measure at home for two weeks."}'
  # the patient reads the diagnosis, and who saw what
  curl -s -H "$PA" "$P/diagnoses"
  curl -s -H "$PA" "$P/releases"
  # a search of the same visit, sealed by the agent and posted by you; its answer opened by the agent
  M4=$(curl -s -H "$DA" -H 'Content-Type: application/json' "$D/development/messages" -d '{"step":"M4","visit":"'$V'","mode":"read"}')
  M5=$(curl -s -H 'Content-Type: application/json' "$CLOUD/v1/searches" -d "$(echo "$M4" | grep -o '"message":"[^"]*"' | sed 's/.*/{&}/')")
  curl -s -H "$DA" -H 'Content-Type: application/json' "$D/development/replies" -d "{$(echo "$M4" | grep -o '"handle":"[^"]*"'),$(echo "$M5" | grep -o '"message":"[^"]*"')}"

`))
