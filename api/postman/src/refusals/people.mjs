import { call, folder } from "../lib/author.mjs";
import { consents } from "../shared/steps.mjs";

export default folder("1 · Who takes part", `
  The doctor and the patient of the demonstration, by their agents. In **development mode**, in which \`deploy/up\`
  starts them, an agent also makes single messages and sends nothing: \`POST /v1/development/messages\` seals and
  signs the message of one step, as asked, also one that the doctor's own program would never make, because only the
  holder of the keys can make it. Whoever asked sends it to the cloud or the hospital, as it is or changed, and gives
  the reply to \`/v1/development/replies\`, which verifies it. Nothing of this exists in production.

  The patient gives the consents that the tests need. Each lasts an hour at most.
  `, [
  call("privateadmin getAudit", "The end of the hospital's audit trail", {
    query: { from: "{{auditFrom}}" },
    says: "What is refused below is looked up in the trail from here on.",
    before() {
      if (!pm.collectionVariables.get("auditFrom")) pm.collectionVariables.set("auditFrom", 1);
    },
    test() {
      const { entries } = pm.response.json();
      if (entries.length) pm.collectionVariables.set("auditFrom", entries[entries.length - 1].number + 1);
      if (pm.response.json().next) pm.execution.setNextRequest(pm.info.requestName);
    },
  }),
  call("publiccloud createChallenge", "A challenge that will be too old at the end", {
    test() {
      pm.collectionVariables.set("oldChallenge", pm.response.json().challenge);
      pm.collectionVariables.set("oldChallengeTime", Date.now());
    },
  }),
  call("doctoragent getDoctor", "The doctor", {
    test() {
      pm.test("she is online", () => pm.expect(pm.response.json().online).to.equal(true));
      pm.collectionVariables.set("doctorCredential", pm.response.json().credential);
    },
  }),
  call("doctoragent getCard", "Her link", {
    test() {
      pm.collectionVariables.set("link", pm.response.json().link);
    },
  }),
  call("patientagent listHospitals", "The patient, and what she has where", {
    test() {
      const { hospitals } = pm.response.json();
      const home = hospitals.find((h) => h.id === pm.environment.get("hospitalId"));
      pm.test("she is enrolled at the doctor's hospital", () => pm.expect(home.enrolled).to.equal(true));

      // Everything at this hospital, and the doctor's department, in which a diagnosis is filed.
      const departments = [...new Set([...home.departments, pm.environment.get("department")])].sort();
      const classes = [...new Set([...home.classes, "DIAGNOSTIC", "PROBLEM"])].sort();
      pm.collectionVariables.set("grantsHome", JSON.stringify([{ hospital: home.id, departments, classes }]));
      pm.collectionVariables.set("someDepartment", home.departments[0]);

      // The same, at another hospital of hers. With one hospital only: at one that has nothing.
      const elsewhere = hospitals.find((h) => h.id !== home.id);
      const grant = elsewhere ? { hospital: elsewhere.id, departments, classes } : { hospital: home.id, departments: [home.departments[0]], classes: ["GENETIC"] };
      pm.collectionVariables.set("grantsElsewhere", JSON.stringify([grant]));
    },
  }),
  ...consents("main", "The consent of these tests"),
  ...consents("other", "Another consent"),
  ...consents("nothing", "A consent that grants nothing here", { grants: "[]", writeTo: "" }),
]);
