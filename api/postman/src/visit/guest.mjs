import { call, folder } from "../lib/author.mjs";
import { record } from "../lib/fhir.mjs";

const guest = { at: "guestAgent", token: "guestToken" };
const mrn = "postman-guest";
const bundle = record({
  patient: "9b0c3f5e-6a52-4d0a-8c53-000000000001", encounter: "9b0c3f5e-6a52-4d0a-8c53-000000000002",
  observation: "9b0c3f5e-6a52-4d0a-8c53-000000000003", mrn, family: "Guest", pulse: 71,
});

export default folder("3 · A guest joins: registration step by step (M0)", `
  **Registration phase, Eq. 2-4, and the link with her record** (protocol.md, sections 5 and 8). A guest, whose
  agent \`deploy/up\` has started for this collection, does what every patient does once:

  1. her hospital has imported her record;
  2. the operator's desk gives her a registration code, good for one registration;
  3. her device makes her keys, registers, and checks the partial key: S_P P = R_P1 + e_P PK (Eq. 4);
  4. the hospital's desk sees her identity document and gives her a one-time code;
  5. her device enrols with it: the hospital pins her credential with the record, gets a locator and a key for
     each department, and publishes its index entries.

  Somebody registers once and links a record once: in a later run against the same \`deploy/up\` steps 2 to 5 are
  left out, and what came of them is looked at.
  `, [
  call("privateadmin importBundle", "Her hospital holds her record", {
    body: bundle,
    test() {
      const { total } = pm.response.json();
      pm.test("its three resources are stored, now or in an earlier run", () => {
        pm.expect(total.found).to.equal(3);
        pm.expect(total.stored + total.unchanged).to.equal(3);
      });
    },
  }),
  call("patientagent getStatus", "Has she a store?", {
    ...guest,
    test() {
      if (pm.response.json().store !== "absent") pm.execution.setNextRequest("Her store is opened with her passphrase");
    },
  }),
  call("publiccloud createPatientCode", "The registration desk gives her a code", {
    test() {
      pm.collectionVariables.set("registrationCode", pm.response.json().code);
    },
  }),
  call("patientagent register", "She cannot register with a code that nobody gave out", {
    ...guest,
    body: { code: "00000-00000-00000-00000", passphrase: "{{guestPassphrase}}" },
    refused: "refused",
    says: "Her device has made her keys; they wait for a better code.",
  }),
  call("patientagent register", "She registers", {
    ...guest,
    body: { code: "{{registrationCode}}", passphrase: "{{guestPassphrase}}" },
    test() {
      const identity = pm.response.json();
      pm.test("she has a random identifier and a credential that holds", () => {
        pm.expect(identity.id).to.match(/^[0-9a-f]{32}$/);
        pm.expect(Date.parse(identity.notAfter)).to.be.above(Date.now());
        pm.expect(identity.verification).to.equal("passphrase");
      });
    },
  }),
  call("patientagent unlock", "Her store is opened with her passphrase", { ...guest, body: { passphrase: "{{guestPassphrase}}" } }),
  call("patientagent getIdentity", "Who she is", {
    ...guest,
    test() {
      pm.collectionVariables.set("guestCredential", pm.response.json().credential);
      pm.test("she is not the patient of this visit", () => pm.expect(pm.response.json().id).to.not.equal(pm.collectionVariables.get("patientId")));
    },
  }),
  call("publiccloud getLog", "Her registration stands in the public log", {
    query: { from: 0 },
    says: "With nothing but c_P, her role and the time: whoever reads the log learns that a patient registered, not who.",
    test() {
      const mine = pm.response.json().entries.filter((e) => e.credential === pm.collectionVariables.get("guestCredential"));
      pm.test("once, as a patient", () => pm.expect(mine.map((e) => e.role)).to.eql(["P"]));
    },
  }),
  call("patientagent listHospitals", "Is her record linked?", {
    ...guest,
    test() {
      const linked = pm.response.json().hospitals.some((h) => h.enrolled && h.id === pm.environment.get("hospitalId"));
      if (linked) pm.execution.setNextRequest("Her hospital's index entries are found");
    },
  }),
  call("privateadmin createDeskCode", "The hospital's desk gives her a code for her record", {
    body: { mrn },
    test() {
      pm.collectionVariables.set("deskCode", pm.response.json().code);
    },
  }),
  call("patientagent enrol", "She links her record", {
    ...guest,
    path: { hospital: "{{hospitalId}}" },
    body: { code: "{{deskCode}}" },
    says: "The hospital's receipt is signed. From now on it answers for this record under her credential only; a new code, given out in person, would pin a new one.",
    test() {
      pm.test("the receipt is the hospital's, and new", () => {
        pm.expect(pm.response.json().hospital).to.equal(pm.environment.get("hospitalId"));
        pm.expect(Math.abs(Date.parse(pm.response.json().time) - Date.now())).to.be.below(10000);
      });
    },
  }),
  call("patientagent enrol", "The same code does not work twice", {
    ...guest,
    path: { hospital: "{{hospitalId}}" },
    body: { code: "{{deskCode}}" },
    refused: "refused",
    says: "Nor can codes be guessed: a hospital takes five tries of one credential in 15 minutes.",
  }),
  call("patientagent listHospitals", "Her hospital's index entries are found", {
    ...guest,
    says: "The hospital publishes one entry for each department in which it holds something.",
    until({ hospitals }) {
      return hospitals.some((h) => h.holdings.some((x) => x.department === "OUTPATIENT"));
    },
    test() {
      const { hospitals, ignoredEntries } = pm.response.json();
      const mine = hospitals.filter((h) => h.enrolled);
      pm.test("at this hospital and nowhere else", () => pm.expect(mine.map((h) => h.id)).to.eql([pm.environment.get("hospitalId")]));
      pm.test("they name the classes of her three resources", () => {
        pm.expect(mine[0].classes).to.include.members(["DEMOGRAPHIC", "ENCOUNTER", "VITAL"]);
        pm.expect(ignoredEntries).to.equal(0);
      });
    },
  }),
  call("patientagent getRecord", "Her own record is what the hospital imported", {
    ...guest,
    path: { hospital: "{{hospitalId}}" },
    consts: { bundle },
    test() {
      const resources = pm.response.json().entry.map((e) => e.resource);
      pm.test("resource by resource", () => {
        for (const { resource } of bundle.entry) pm.expect(resources.find((r) => r.id === resource.id)).to.eql(resource);
      });
    },
  }),
  call("patientagent listReleases", "Nobody has seen it", {
    ...guest,
    test() {
      pm.test("no release of her record", () => {
        pm.expect(pm.response.json().complete).to.equal(true);
        pm.expect(pm.response.json().hospitals.flatMap((h) => h.releases)).to.eql([]);
      });
    },
  }),
]);
