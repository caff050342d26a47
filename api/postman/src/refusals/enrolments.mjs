import { call, folder } from "../lib/author.mjs";
import { record } from "../lib/fhir.mjs";
import { changes, ifTwo, makers, malformed, opened, prepare, send, spoiled, trail } from "../shared/steps.mjs";

const operation = "privatecloud enrol";
const mrn = "postman-{{newPatient}}";
const enrolment = (more = {}) => ({ step: "enrolment", identity: "{{h.m0}}", hospital: "{{hospitalId}}", code: "{{deskCode}}", ...more });
const asks = (more = {}) => ({ step: "hospital-question", identity: "{{h.m0}}", hospital: "{{hospitalId}}", question: "record", ...more });

const [how, flipped] = changes.tag;

export default folder("7 · Hospital: enrolments", `
  The patient who has registered above stands at the desk of the hospital, which has just imported a record of hers.
  The desk's code is good once, and five tries are all that one credential has in 15 minutes: it cannot be guessed.
  `, [
  call("privateadmin importBundle", "The hospital has a record of hers", {
    body: record({ patient: "{{newPatient}}", encounter: "{{newEncounter}}", observation: "{{newObservation}}", mrn, family: "Throwaway", pulse: 64 }),
    before() {
      for (const name of ["newPatient", "newEncounter", "newObservation"]) pm.collectionVariables.set(name, pm.variables.replaceIn("{{$guid}}"));
    },
    test() {
      pm.test("three resources", () => pm.expect(pm.response.json().total.stored).to.equal(3));
    },
  }),
  call("privateadmin createDeskCode", "The desk gives her a code", {
    body: { mrn },
    test() {
      pm.collectionVariables.set("deskCode", pm.response.json().code);
    },
  }),
  prepare(makers.patient, "early", "Before she is enrolled she asks for her record: prepared", asks()),
  send("privatecloud ask", "early", "Before she is enrolled nobody answers her", { refused: "refused", kept: "id.early" }),
  prepare(makers.patient, "enrol.wrong", "An enrolment with a guessed code is prepared", enrolment({ code: "AAAA-AAAA-AAAA-AAAA" })),
  send(operation, "enrol.wrong", "An enrolment with a guessed code", { refused: "refused", kept: "id.enrol.wrong" }),
  prepare(makers.patient, "enrol", "An enrolment is prepared", enrolment()),
  spoiled(operation, "enrol", `An enrolment ${how}`, flipped, "refused"),
  send(operation, "enrol", "An enrolment sent to another hospital", { at: "otherHospital", refused: "refused", ...ifTwo }),
  send("privatecloud openSession", "enrol", "An enrolment sent to where sessions are opened", { refused: "invalid" }),
  prepare(makers.patient, "enrol.stale", "An enrolment from a minute ago is prepared", enrolment({ time: -60000 })),
  send(operation, "enrol.stale", "An enrolment from a minute ago", { refused: "stale" }),
  prepare(makers.patient, "enrol.future", "An enrolment from the future is prepared", enrolment({ time: 60000 })),
  send(operation, "enrol.future", "An enrolment from the future", { refused: "stale" }),
  prepare(makers.patient, "enrol", "The enrolment is prepared anew", enrolment()),
  send(operation, "enrol", "It is taken: the code had not been used up"),
  opened(makers.patient, "enrol", "The hospital's receipt holds", "enrolled"),
  send(operation, "enrol", "The same enrolment again", { refused: "refused", kept: "id.enrol.again" }),
  prepare(makers.patient, "enrol.used", "Another enrolment with the same code is prepared", enrolment()),
  send(operation, "enrol.used", "A desk code is good once", { refused: "refused", kept: "id.enrol.used" }),
  trail("The refusals stand in the audit trail", "enrol", ["enrol.wrong", "enrol.used"]),
  prepare(makers.patient, "own", "Now she asks for her record: prepared", asks()),
  send("privatecloud ask", "own", "Now she is answered"),
  opened(makers.patient, "own", "It is her record, and nobody else's", "answer", function () {
    pm.test("three resources", () => pm.expect(pm.response.json().answer.count).to.equal(3));
  }),
  malformed(operation, "Enrolment"),
]);
