import { call, folder } from "../lib/author.mjs";
import { changed, changes, consents, ifTwo, makers, malformed, opened, prepare, releases, send, session, spoiled, trail } from "../shared/steps.mjs";

const operation = "privatecloud storeDiagnosis";
const index = "publiccloud writeDiagnosisEntry";
const m11 = (name, more = {}) => ({ step: "M11", session: `{{h.${name}}}`, text: "Refusals: a diagnosis", ...more });

const asked = (name, from, what, more = {}, o = {}) => [
  prepare(makers.doctor, name, `${what}: prepared`, m11(from, more)),
  send(operation, name, what, { refused: "refused", kept: `id.${name}`, ...o }),
];

// published proves when the doctor's hospital last wrote its entry for her department.
const published = (title, changed) => call("patientagent listHospitals", title, {
  consts: { changed },
  test() {
    const home = pm.response.json().hospitals.find((h) => h.id === pm.environment.get("hospitalId"));
    const entry = home.holdings.find((h) => h.department === pm.environment.get("department"));
    const now = entry ? entry.published : "none";
    const before = pm.collectionVariables.get("published");
    if (changed !== null) pm.test(changed ? "the entry is a newer one" : "the entry is what it was", () => pm.expect(now !== before).to.equal(changed));
    pm.collectionVariables.set("published", now);
  },
});

const diagnoses = (title, more) => call("patientagent listDiagnoses", title, {
  consts: { more },
  test() {
    const { diagnoses } = pm.response.json();
    const before = Number(pm.collectionVariables.get("diagnosisCount"));
    if (more !== null) pm.test(`${more} more than before`, () => pm.expect(diagnoses.length - before).to.equal(more));
    pm.collectionVariables.set("diagnosisCount", diagnoses.length);
  },
});

export default folder("10 · Hospital and public cloud: diagnoses (M11, M12)", `
  A diagnosis is written where the consent says, by the doctor who signed it (Sig_D5), about this patient, and is valid
  FHIR. The same one again is stored once. Its index entry (M12) is the hospital's, under a locator of the consent.
  `, [
  diagnoses("The diagnoses that she has", null),
  published("The entry that the index has of the doctor's department", null),
  ...asked("m11.stale", "m6", "A diagnosis from a minute ago", { time: -60000 }, { refused: "stale" }),
  ...asked("m11.future", "m6", "A diagnosis from the future", { time: 60000 }, { refused: "stale" }),
  prepare(makers.doctor, "m11", "A diagnosis is prepared", m11("m6")),
  send(operation, "m11", "A diagnosis sent to another hospital", { at: "otherHospital", refused: "refused", ...ifTwo }),
  send("privatecloud release", "m11", "A diagnosis sent to where records are released", { refused: "invalid" }),
  diagnoses("None of these is a diagnosis of hers", 0),
  send(operation, "m11", "The diagnosis as it was prepared is stored"),
  opened(makers.doctor, "m11", "The hospital's receipt holds (Sig_HPC3)", "M11R", function () {
    const { stored } = pm.response.json();
    pm.test("it can be indexed", () => pm.expect(stored.indexable).to.equal(true));
    pm.collectionVariables.set("storedAs", stored.record);
  }, "m6"),
  diagnoses("She finds it in her record", 1),
  send(operation, "m11", "The same message again", { refused: "refused", kept: "id.m11.again" }),
  prepare(makers.doctor, "m11.twice", "The same diagnosis in a new message is prepared", { step: "M11", session: "{{h.m6}}" }),
  send(operation, "m11.twice", "The same diagnosis in a new message is answered again"),
  opened(makers.doctor, "m11.twice", "And is stored once", "M11R", function () {
    pm.test("it stands where it stood", () => pm.expect(pm.response.json().stored.record).to.equal(Number(pm.collectionVariables.get("storedAs"))));
  }, "m6"),
  diagnoses("She has it once", 0),

  prepare(makers.doctor, "m12", "Its index entry is prepared (M12)", { step: "M12", session: "{{h.m6}}" }),
  ...changed(index, "m12", "An entry"),
  send("publiccloud search", "m12", "An entry sent to where one searches", { refused: "invalid" }),
  prepare(makers.doctor, "m12.stale", "An entry from a minute ago is prepared", { step: "M12", session: "{{h.m6}}", time: -60000 }),
  send(index, "m12.stale", "An entry from a minute ago", { refused: "stale" }),
  prepare(makers.doctor, "m12.future", "An entry from the future is prepared", { step: "M12", session: "{{h.m6}}", time: 60000 }),
  send(index, "m12.future", "An entry from the future", { refused: "stale" }),
  prepare(makers.doctor, "m12.other", "An entry under a revoked consent is prepared", { step: "M12", session: "{{h.m6}}", consent: "{{visit.revoked}}" }),
  send(index, "m12.other", "An entry under a revoked consent", { refused: "refused" }),
  published("None of them stands in the index", false),
  prepare(makers.doctor, "m12", "The entry is prepared anew", { step: "M12", session: "{{h.m6}}" }),
  send(index, "m12", "It is taken"),
  opened(makers.doctor, "m12", "The public cloud's receipt holds, for the entry (Sig_C2)", "M12R", undefined, "m6"),
  published("It stands in the index", true),
  send(index, "m12", "The same entry again", { refused: "refused" }),

  ...session("m11.bad", "A session for what is no FHIR", "main", { mode: "write" }),
  prepare(makers.doctor, "m11.nofhir", "A diagnosis that is no FHIR is prepared", { step: "M11", session: "{{h.m11.bad}}", bundle: "eyJyZXNvdXJjZVR5cGUiOiJOb25zZW5zZSJ9" }),
  send(operation, "m11.nofhir", "A diagnosis that is no FHIR", { refused: "invalid" }),
  ...session("m11.flip", "Another session to be disturbed", "main", { mode: "write" }),
  prepare(makers.doctor, "m11.flipped", "A diagnosis in it is prepared", m11("m11.flip")),
  spoiled(operation, "m11.flipped", `A diagnosis ${changes.tag[0]}`, changes.tag[1], "refused"),
  send(operation, "m11.flipped", "Its session is closed", { refused: "refused" }),
  ...consents("readonly", "A consent to read and not to write", { writeTo: "" }),
  ...session("readonly", "A session under it (read)", "readonly", { mode: "write" }),
  ...asked("m11.readonly", "readonly", "Nothing is written where the consent does not say so"),
  ...session("m11.swap", "A session under the first consent", "main", { mode: "write" }),
  ...asked("m11.swap2", "m11.swap", "A diagnosis that shows another consent than the session's", { consent: "{{visit.other}}" }),
  trail("These refusals stand in the audit trail", "M11", ["m11.again", "m11.readonly", "m11.swap2"]),
  diagnoses("She has no more diagnoses than before", 0),
  releases("readonly", { read: 0, write: 0 }, "And nothing is listed under the consent to read"),
  malformed(operation, "Diagnosis", { limit: 4 << 20 }),
  malformed(index, "Diagnosis entry"),
]);
