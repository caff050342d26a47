import { call, folder } from "../lib/author.mjs";

function withhold() {
  const departments = [pm.environment.get("withheldDepartment")].filter((code) => code);
  pm.variables.set("withhold", JSON.stringify({ classes: [pm.environment.get("withheldClass")], departments }));
}

export default folder("4 · The patient consults the doctor (M1-M3)", `
  **Patient-doctor authentication, Eq. 11-23.** The patient has the doctor's link, as a QR code in the
  waiting room. Her device fetches the doctor's card and verifies all of it before anything leaves. Then

  * **M1** carries her credential and R_P2 = r5 P, signed (Sig_P1), sealed to the doctor's prekey;
  * **M2** carries the doctor's credential, Cert_D and R_D2 = r6 P, signed (Sig_D1), and proves that both
    have the same key SEK_1, which is never sent;
  * **M3** carries, under SEK_1, what she measured (M_SD) and her **consent**: which doctor, in which
    department, for what, how long, how often, and at which hospital which departments and classes.

  Her agent does all of it by itself after one request; the portal between them reads none of it.
  `, [
  call("doctoragent getCard", "The doctor's link", {
    says: "It holds the portal's address and c_D, never changes, and can be printed.",
    test() {
      const card = pm.response.json();
      pm.test("it names her credential and her portal", () => {
        pm.expect(card.credential).to.equal(pm.collectionVariables.get("doctorCredential"));
        pm.expect(card.link).to.equal(`${pm.environment.get("portal")}/visit#${card.credential}`);
      });
      pm.collectionVariables.set("link", card.link);
    },
  }),
  call("doctoragent getCardImage", "The link as a QR code", {
    test() {
      pm.test("it is a PNG", () => pm.expect(pm.response.text().slice(1, 4)).to.equal("PNG"));
    },
  }),
  call("patientagent verifyCard", "The patient looks at the doctor's card", {
    body: { link: "{{link}}" },
    says: `
      Her device checks that c_D is the one of the link, that it is not revoked, Cred_D under PUK_C, Cert_D
      under the medical authority's key, that both name the same keys, and the prekey's signature and time.
      `,
    test() {
      const card = pm.response.json();
      pm.test("it is the doctor that the medical authority certified", () => {
        pm.expect(card.credential).to.equal(pm.collectionVariables.get("doctorCredential"));
        pm.expect(card.name).to.equal(pm.collectionVariables.get("doctorName"));
        pm.expect(card.licence).to.equal(pm.collectionVariables.get("doctorLicence"));
        pm.expect(card.departments).to.include(pm.environment.get("department"));
        pm.expect(card.affiliation).to.equal(pm.environment.get("hospitalId"));
      });
      pm.test("it holds now", () => {
        pm.expect(Date.parse(card.notBefore)).to.be.below(Date.now());
        pm.expect(Date.parse(card.until)).to.be.above(Date.now());
      });
    },
  }),
  call("patientagent getDefaults", "What can be consented to", {
    says: "The code lists of the public cloud's signed parameters. Classes that many people would rather keep back are marked.",
    test() {
      const d = pm.response.json();
      pm.test("a consent holds for 24 hours and three searches unless she says otherwise", () => {
        pm.expect(d.hours).to.equal(24);
        pm.expect(d.maxUses).to.equal(3);
        pm.expect(d.purpose).to.equal("TREATMENT");
      });
      pm.test("the class that she will keep back is on the list", () => {
        pm.expect(d.classes.map((c) => c.code)).to.include(pm.environment.get("withheldClass"));
      });
    },
  }),
  call("patientagent listConsents", "The consents that she has given before", {
    test() {
      const { consents } = pm.response.json();
      pm.test("no two of them are the same", () => {
        const hashes = consents.map((c) => c.consent);
        pm.expect(new Set(hashes).size).to.equal(hashes.length);
      });
      pm.collectionVariables.set("consentsBefore", consents.length);
    },
  }),
  call("patientagent getProfile", "What she says of herself", {
    says: "It goes along with what she measured, if she has filled it in and does not leave it out.",
  }),
  call("patientagent previewSignals", "What she would send of a recording", {
    body: { recordings: [{ kind: "ecg", hz: "250", csv: "MLII_mV\n-0.145\n-0.120\n" }] },
    test() {
      const { entry } = pm.response.json();
      pm.test("an Observation with the samples as recorded", () => {
        pm.expect(entry.map((e) => e.resource.resourceType)).to.eql(["Observation"]);
        pm.expect(entry[0].resource.component[0].valueSampledData.data.split(" ").map(Number)).to.eql([-0.145, -0.12]);
      });
    },
  }),
  call("patientagent prepareApproval", "What the consent would say", {
    body: `{
  "link": "{{link}}",
  "department": "{{department}}",
  "withhold": {{withhold}}
}`,
    says: "The choices turned into the consent that would be signed, for her to read. Nothing is sent to the doctor, and it is not approved here.",
    before: withhold,
    test() {
      const { summary, verification } = pm.response.json();
      pm.test("it is for the doctor whom she saw", () => pm.expect(summary.doctor.credential).to.equal(pm.collectionVariables.get("doctorCredential")));
      pm.test("it leaves out what she keeps back", () => {
        summary.grants.forEach((g) => pm.expect(g.classes).to.not.include(pm.environment.get("withheldClass")));
        summary.grants.forEach((g) => pm.expect(g.departments).to.not.include(pm.environment.get("withheldDepartment")));
      });
      pm.test("her passphrase would approve it", () => pm.expect(verification).to.equal("passphrase"));
      pm.collectionVariables.set("summary", JSON.stringify(summary.grants));
    },
  }),
  call("patientagent startVisit", "She consults the doctor and keeps one class back", {
    body: `{
  "link": "{{link}}",
  "passphrase": "{{patientPassphrase}}",
  "department": "{{department}}",
  "withhold": {{withhold}},
  "signals": {
    "kind": "ecg",
    "hz": "250",
    "csv": "MLII_mV\\n-0.145\\n-0.120\\n0.315\\n1.105\\n-0.210\\n-0.130\\n"
  }
}`,
    says: `
      Everything that she has may be seen but what \`withhold\` names. Her passphrase approves the consent: it
      derives the key behind β_P, to which her credential commits; no other holder of her device can give
      one. It is checked before anything leaves.
      `,
    before: withhold,
    test() {
      pm.collectionVariables.set("patientVisit", pm.response.json().id);
      pm.collectionVariables.set("began", Date.now());
    },
  }),
  call("patientagent getVisit", "The consent has been shared (M1, M2, M3)", {
    path: { visit: "{{patientVisit}}" },
    says: "The request is repeated until the doctor's answer has been verified and the consent has left.",
    until(visit) {
      return ["shared", "diagnosed", "failed"].includes(visit.state);
    },
    test() {
      const visit = pm.response.json();
      pm.test("the doctor was authenticated and the consent was shared", () => {
        pm.expect(visit.state, visit.says).to.equal("shared");
        pm.expect(visit.shared).to.equal(true);
      });
      pm.test("it is the doctor whom she meant", () => {
        pm.expect(visit.credential).to.equal(pm.collectionVariables.get("doctorCredential"));
        pm.expect(visit.licence).to.equal(pm.collectionVariables.get("doctorLicence"));
        pm.expect(visit.department).to.equal(pm.environment.get("department"));
      });
      pm.test("nothing has been done with it yet", () => pm.expect(visit.activity).to.eql([]));
      pm.collectionVariables.set("consent", visit.consent);
    },
  }),
  call("doctoragent listVisits", "The patient is in the doctor's waiting list", {
    says: `
      The doctor has verified Cred_P, Sig_P1, σ_P with the approval behind β_P, that the consent names her
      and her department, and each locator (Eq. 15, 24). The visit is known by the hash of its consent; the
      two agents' own numbers for it have nothing to do with each other.
      `,
    until({ visits }) {
      return visits.some((v) => v.consent && v.consent.hash === pm.collectionVariables.get("consent"));
    },
    test() {
      const visit = pm.response.json().visits.find((v) => v.consent && v.consent.hash === pm.collectionVariables.get("consent"));
      const withheld = [pm.environment.get("withheldClass"), pm.environment.get("withheldDepartment")];

      pm.test("she waits, and it is she", () => {
        pm.expect(visit.state).to.equal("waiting");
        pm.expect(visit.patient.credential).to.equal(pm.collectionVariables.get("patientCredential"));
        pm.expect(visit.patient.id).to.equal(pm.collectionVariables.get("patientId"));
        pm.expect(visit.patient.verification).to.equal("passphrase");
      });
      pm.test("the consent is for this department, for treatment, for three searches in 24 hours", () => {
        pm.expect(visit.consent.department).to.equal(pm.environment.get("department"));
        pm.expect(visit.consent.purpose).to.equal("TREATMENT");
        pm.expect(visit.consent.maxUses).to.equal(3);
        pm.expect(visit.consent.uses).to.equal(0);
        pm.expect((Date.parse(visit.consent.expires) - Date.parse(visit.consent.notBefore)) / 3600000).to.be.within(24, 24.1);
      });
      pm.test("it grants each of her hospitals something, and neither the class nor the department that she keeps back", () => {
        pm.expect(visit.consent.grants.map((g) => g.hospital).sort()).to.eql(JSON.parse(pm.collectionVariables.get("enrolledAt")).sort());
        for (const grant of visit.consent.grants) {
          pm.expect(grant.classes).to.not.include.members([withheld[0]]);
          pm.expect(grant.departments).to.not.include(withheld[1]);
          pm.expect(grant.classes.length * grant.departments.length).to.be.above(0);
        }
      });
      pm.test("it grants exactly what she was shown", () => {
        pm.expect(visit.consent.grants).to.have.deep.members(JSON.parse(pm.collectionVariables.get("summary")));
      });
      pm.test("the diagnosis may be written at the doctor's hospital", () => {
        pm.expect(visit.consent.writeTo).to.equal(pm.environment.get("hospitalId"));
      });
      pm.collectionVariables.set("visit", visit.id);
      pm.collectionVariables.set("grants", JSON.stringify(visit.consent.grants));
    },
  }),
  call("doctoragent fetchRecords", "Nothing is searched before she is called in", {
    path: { visit: "{{visit}}" },
    body: {},
    refused: "conflict",
    says: "A step out of order is a conflict and changes nothing: the consent is not used.",
  }),
  call("doctoragent openVisit", "The doctor calls her in", {
    path: { visit: "{{visit}}" },
    test() {
      const visit = pm.response.json();
      pm.test("the visit is open, and nothing has been searched", () => {
        pm.expect(visit.id).to.equal(pm.collectionVariables.get("visit"));
        pm.expect(visit.state).to.equal("open");
        pm.expect(visit.hospitals).to.eql([]);
        pm.expect(visit.consent.uses).to.equal(0);
      });
    },
  }),
  call("doctoragent getSignals", "What she measured (M_SD)", {
    path: { visit: "{{visit}}" },
    says: "The recording came in M3 as a FHIR Bundle, with the very values that she sent.",
    test() {
      const recordings = pm.response.json().entry.map((e) => e.resource).filter((r) => r.resourceType === "Observation");
      pm.test("it is the recording that she sent", () => {
        pm.expect(recordings.length).to.equal(1);
        const { valueSampledData: data } = recordings[0].component[0];
        pm.expect(data.period).to.equal(4); // milliseconds from one sample to the next, at 250 Hz
        pm.expect(data.data.split(" ").map(Number)).to.eql([-0.145, -0.12, 0.315, 1.105, -0.21, -0.13]);
      });
    },
  }),
]);
