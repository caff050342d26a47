import { call, folder } from "../lib/author.mjs";

export default folder("6 · The diagnosis (M10-M12)", `
  **Feedback, Eq. 49 and 50.** The doctor signs her diagnosis once (Sig_D5): about this patient, resting on
  this consent, on what was measured and on the releases that she read.

  * **M10** carries it to the patient under SEK_1;
  * **M11** carries it into the record of the hospital where the consent lets it be written, which answers
    with a receipt, Sig_HPC3, and the index entry that has changed;
  * **M12** carries that entry to the public cloud, which answers with Sig_C2: the next doctor whom the
    patient allows will find it.
  `, [
  call("doctoragent sendDiagnosis", "She signs it, sends it, stores and indexes it", {
    path: { visit: "{{visit}}" },
    body: {
      code: { system: "http://snomed.info/sct", code: "38341003", display: "Hypertensive disorder, systemic arterial" },
      text: "Hypertension, newly found",
      note: "Run {{run}}: blood pressure to be measured at home for two weeks; follow-up then.",
    },
    says: "The agent makes a FHIR Bundle of it. A whole Bundle can be given instead, byte for byte.",
    before() {
      pm.collectionVariables.set("run", pm.variables.replaceIn("{{$guid}}"));
    },
    test() {
      const result = pm.response.json();
      pm.test("it was delivered, stored at the hospital of the consent, and indexed", () => {
        pm.expect(result.failures).to.eql([]);
        pm.expect(result.failureCodes).to.eql([]);
        pm.expect(result.delivered).to.equal(true);
        pm.expect(result.stored.hospital).to.equal(pm.environment.get("hospitalId"));
        pm.expect(result.stored.record).to.be.above(0);
        pm.expect(Date.parse(result.indexed.time)).to.be.at.least(Date.parse(result.stored.time) - 2000);
      });
      pm.collectionVariables.set("storedAs", result.stored.record);
    },
  }),
  call("doctoragent sendDiagnosis", "Sent again, it is the same diagnosis", {
    path: { visit: "{{visit}}" },
    body: {},
    says: "A diagnosis is signed once. Called again, the operation does what has not succeeded yet: here, nothing.",
    test() {
      pm.test("it stands where it stood", () => {
        pm.expect(pm.response.json().stored.record).to.equal(Number(pm.collectionVariables.get("storedAs")));
        pm.expect(pm.response.json().failures).to.eql([]);
      });
    },
  }),
  call("patientagent getVisit", "The patient's device has verified it", {
    path: { visit: "{{patientVisit}}" },
    says: "Sig_D5 is of this doctor, about herself, under her consent, over exactly this content and over what she measured.",
    until(visit) {
      return ["diagnosed", "failed"].includes(visit.state);
    },
    test() {
      const visit = pm.response.json();
      pm.test("the visit ended with a diagnosis", () => pm.expect(visit.code, visit.says).to.equal("diagnosed"));
      pm.collectionVariables.set("diagnosis", visit.diagnosis);
    },
  }),
  call("patientagent listDiagnoses", "The diagnosis that she reads is the one that was sent", {
    says: "Diagnoses come from her visits and from the hospitals' records. Each is verified; what both tell is one.",
    test() {
      const { diagnoses, unanswered } = pm.response.json();
      const found = diagnoses.filter((d) => d.id === pm.collectionVariables.get("diagnosis"));

      pm.test("every hospital answered", () => pm.expect(unanswered).to.eql([]));
      pm.test("it is there, once, and it is the newest", () => {
        pm.expect(found.length).to.equal(1);
        pm.expect(diagnoses[0].id).to.equal(found[0].id);
      });
      pm.test("it is the doctor's, under the consent of this visit", () => {
        pm.expect(found[0].doctor).to.equal(pm.collectionVariables.get("doctorName"));
        pm.expect(found[0].licence).to.equal(pm.collectionVariables.get("doctorLicence"));
        pm.expect(found[0].consent).to.equal(pm.collectionVariables.get("consent"));
        pm.expect(found[0].consentKnown).to.equal(true);
      });
      pm.test("it came from the doctor herself, and stands in the record where she said", () => {
        pm.expect(found[0].fromVisit).to.equal(true);
        pm.expect(found[0].storedAt).to.eql([{ hospital: pm.environment.get("hospitalId"), record: Number(pm.collectionVariables.get("storedAs")) }]);
      });
      pm.test("its words are those of this run", () => {
        const condition = found[0].content.entry.map((e) => e.resource).find((r) => r.resourceType === "Condition");
        pm.expect(condition.code.text).to.equal("Hypertension, newly found");
        pm.expect(condition.code.coding[0].code).to.equal("38341003");
        pm.expect(condition.subject.identifier.value).to.equal(pm.collectionVariables.get("patientId"));
        pm.expect(condition.note[0].text).to.include(`Run ${pm.collectionVariables.get("run")}`);
      });
    },
  }),
  call("doctoragent downloadEvidence", "The evidence in one file", {
    path: { visit: "{{visit}}" },
    says: "It verifies offline, and holds the record and the diagnosis: it is to be kept as carefully.",
    test() {
      pm.test("it is a JSON object with something in it", () => pm.expect(Object.keys(pm.response.json()).length).to.be.above(0));
    },
  }),
  call("doctoragent getEvidence", "Every signature of the visit, verified anew", {
    path: { visit: "{{visit}}" },
    says: "What the doctor keeps: enough for a judge who has PUK_C and the medical authority's keys. `covers` says what a signature is about.",
    test() {
      const { statements } = pm.response.json();
      const by = (name) => statements.filter((s) => s.name === name);

      pm.test("each of them holds", () => statements.forEach((s) => pm.expect(s.verified, `${s.name}: ${s.reason}`).to.equal(true)));
      pm.test("none of the visit is missing", () => {
        for (const name of ["sigma_P", "uv", "Sig_P1", "Sig_D1", "Sig_P2", "Sig_D2", "Sig_C", "Sig_D5", "Sig_HPC3", "Sig_D7", "Sig_C2"]) {
          pm.expect(by(name).length, name).to.equal(1);
        }
        const hospitals = JSON.parse(pm.collectionVariables.get("released")).map((h) => h.hospital).sort();
        for (const name of ["Sig_HPC1", "Sig_HPC2"]) pm.expect(by(name).map((s) => s.signer.id).sort(), name).to.eql(hospitals);
        pm.expect(by("Sig_D3").length).to.equal(hospitals.length);
      });
      pm.test("the patient, the doctor and the public cloud are those of this visit", () => {
        pm.expect(by("sigma_P")[0].signer).to.eql({ role: "patient", id: pm.collectionVariables.get("patientId") });
        pm.expect(by("Sig_C")[0].signer).to.eql({ role: "cloud", id: pm.environment.get("cloudId") });
      });
    },
  }),
]);
