import { call, folder } from "../lib/author.mjs";
import { record } from "../lib/fhir.mjs";
import { tokenCases } from "../lib/tokens.mjs";

const ids = { patient: "{{newPatient}}", encounter: "{{newEncounter}}", observation: "{{newObservation}}", mrn: "postman-{{newPatient}}", family: "Postman" };
const bundle = (pulse, changed) => record({ ...ids, pulse, changed });
const transaction = (pulse, method) => {
  const b = bundle(pulse);
  const entry = b.entry.map((e) => ({ ...e, request: { method, url: `${e.resource.resourceType}/${e.resource.id}` } }));
  return { ...b, type: "transaction", entry };
};

// counted is a test that the report's total is exactly this.
const counted = (total, more = {}) => ({
  consts: { total: { found: 0, stored: 0, updated: 0, unchanged: 0, invalid: 0, unknown: 0, tooLarge: 0, unplaced: 0, ...total }, ...more },
  test() {
    const report = pm.response.json();
    pm.test("the report counts exactly this", () => pm.expect(report.total).to.eql(total));
    pm.test("its total is the sum of its types", () => {
      for (const [key, n] of Object.entries(total)) {
        pm.expect(Object.values(report.resources).reduce((sum, counts) => sum + counts[key], 0), key).to.equal(n);
      }
    });
    pm.test("no bundle was refused, and no problem is left out", () => {
      pm.expect(report.bundles).to.equal(1);
      pm.expect(report.refused).to.equal(0);
      pm.expect(report.omittedProblems).to.equal(0);
      pm.expect(report.problems.length).to.equal(total.invalid + total.unknown + total.tooLarge + total.unplaced);
    });
  },
});

const refused = (name, body, reason, more = {}) =>
  call("privateadmin importBundle", name, {
    body, refused: "invalid", consts: { reason },
    test() {
      pm.test("it says why, in words of its own", () => pm.expect(pm.response.json().detail).to.include(reason));
    },
    ...more,
  });

const good = folder("What is imported", `
  A transaction or collection Bundle of FHIR R4. Each resource is held against the FHIR schema, placed in a
  department by its encounter and in a class by the signed rules, sealed under the patient's own key, and stored
  **with its bytes unchanged** as a new version, unless the same bytes are there already.
  `, [
  call("privateadmin importBundle", "A dry run stores nothing", {
    query: { dryRun: true }, body: bundle(71), ...counted({ found: 3, stored: 3 }),
    says: "The report says what an import would do. The patient's identifiers are new in each run of this collection.",
    before() {
      for (const name of ["newPatient", "newEncounter", "newObservation"]) pm.collectionVariables.set(name, pm.variables.replaceIn("{{$guid}}"));
    },
    kept: "dryRunRequest",
  }),
  call("privateadmin createDeskCode", "After the dry run there is no such record", {
    body: { mrn: ids.mrn }, refused: "not-found",
    says: "The desk can give out a code only for a record that the hospital holds: nothing was stored.",
  }),
  call("privateadmin importBundle", "The import stores three resources", { body: bundle(71), ...counted({ found: 3, stored: 3 }), kept: "importRequest" }),
  call("privateadmin importBundle", "The same again changes nothing", { body: bundle(71), ...counted({ found: 3, unchanged: 3 }) }),
  call("privateadmin importBundle", "One resource has changed: a new version of it", { body: bundle(72), ...counted({ found: 3, updated: 1, unchanged: 2 }) }),
  call("privateadmin importBundle", "A transaction bundle is taken as well", {
    body: transaction(72, "PUT"), ...counted({ found: 3, unchanged: 3 }),
  }),
  call("privateadmin createDeskCode", "Now the desk knows the record", {
    body: { mrn: ids.mrn },
    test() {
      const { code, expires } = pm.response.json();
      pm.test("the code has 16 characters, and an end", () => {
        pm.expect(code.replace(/-/g, "")).to.match(/^[A-Z2-7]{16}$/);
        pm.expect(Date.parse(expires)).to.be.above(Date.now());
      });
    },
  }),
]);

const imported = { path: { import: "{{import}}" } };
const later = folder("What is imported later", `
  A large bundle need not keep the sender waiting: with \`Prefer: respond-async\` (RFC 7240) the hospital answers as
  soon as it has the bundle, and tells at the address of the answer how the import stands.
  `, [
  call("privateadmin importBundle", "The hospital has the bundle and answers at once", {
    body: bundle(73), headers: { Prefer: "respond-async" }, answer: "202",
    test() {
      const { id, state } = pm.response.json();
      pm.test("it says where the import is to be followed", () => {
        pm.expect(pm.response.headers.get("Location")).to.equal(`/fhir/imports/${id}`);
        pm.expect(pm.response.headers.get("Preference-Applied")).to.equal("respond-async");
        pm.expect(state).to.be.oneOf(["running", "done"]);
      });
      pm.collectionVariables.set("import", id);
    },
  }),
  call("privateadmin getImport", "The import is done", {
    ...imported,
    until({ state }) {
      return state !== "running";
    },
    test() {
      const { state, report, reason } = pm.response.json();
      pm.test("it has stored the one resource that changed", () => {
        pm.expect(state, reason).to.equal("done");
        pm.expect(report.total.updated).to.equal(1);
        pm.expect(report.total.unchanged).to.equal(2);
      });
    },
  }),
  call("privateadmin watchImport", "The stream of its state ends with it", {
    ...imported,
    test() {
      pm.test("one event, done", () => pm.expect(pm.response.text()).to.match(/^event: import\n/).and.include('"state":"done"'));
    },
  }),
  call("privateadmin importBundle", "Half a bundle is taken in as well", { body: JSON.stringify(bundle(99)).slice(0, 300), headers: { Prefer: "respond-async" }, answer: "202",
    test() {
      pm.collectionVariables.set("import", pm.response.json().id);
    },
  }),
  call("privateadmin getImport", "And is refused as a whole", {
    ...imported,
    until({ state }) {
      return state !== "running";
    },
    test() {
      pm.test("with the reason", () => {
        pm.expect(pm.response.json().state).to.equal("refused");
        pm.expect(pm.response.json().reason).to.be.a("string");
      });
    },
  }),
  call("privateadmin getImport", "An import that nobody began", { path: { import: "00".repeat(16) }, refused: "not-found" }),
  ...tokenCases("privateadmin getImport", "The state of an import", { ...imported, wrongScope: "adminToken", otherService: "operatorToken", expired: "expiredAdminToken" }),
  call("privateadmin importBundle", "The record is as the first bundle left it", { body: bundle(73), ...counted({ found: 3, unchanged: 3 }) }),
  call("privateadmin importBundle", "And is set back for what follows", { body: bundle(72), ...counted({ found: 3, updated: 1, unchanged: 2 }) }),
]);

const partly = folder("What is left out, resource by resource", `
  A resource that cannot be stored is named in the report with its place and the rule that it breaks, never with
  its content. The others of the bundle are stored.
  `, [
  call("privateadmin importBundle", "A status that FHIR does not know, and a type that is not stored", {
    body: bundle(72, ([p, e, o]) => [p, { ...e, resourceType: "Nonsense" }, { ...o, status: "perhaps" }]),
    ...counted({ found: 3, unchanged: 1, invalid: 1, unknown: 1 }),
  }),
  call("privateadmin importBundle", "Resources of somebody whom nobody knows", {
    body: bundle(72, ([p, e, o]) => [p, { ...e, subject: { reference: "Patient/nobody" } }, { ...o, subject: { reference: "Patient/nobody" } }]),
    ...counted({ found: 3, unchanged: 1, unplaced: 2 }),
  }),
  call("privateadmin importBundle", "After both, the record is what it was", { body: bundle(72), ...counted({ found: 3, unchanged: 3 }) }),
]);

const whole = folder("What is refused as a whole", `
  A bundle that cannot be read, or is no bundle that is imported, is a problem, and nothing of it is stored.
  `, [
  refused("Half a bundle", JSON.stringify(bundle(99)).slice(0, 300), "JSON refused"),
  refused("A member twice", JSON.stringify(bundle(99)).replace("{", '{"resourceType":"Bundle",'), "JSON refused"),
  refused("A resource instead of a bundle", { resourceType: "Patient", id: "{{newPatient}}" }, "resourceType is not Bundle"),
  refused("A bundle of search results", { ...bundle(99), type: "searchset" }, "neither a transaction nor a collection"),
  refused("A transaction that deletes", transaction(99, "DELETE"), "something else than POST and PUT"),
  refused("Nothing at all", undefined, "body", { test: undefined }),
  refused("A dry run that is neither true nor false", bundle(99), "dryRun", { query: { dryRun: "perhaps" } }),
  call("privateadmin importBundle", "A bundle that says it is plain text", { body: bundle(99), sends: "text/plain", refused: "unsupported-media-type" }),
  call("privateadmin importBundle", "A compressed bundle", { body: bundle(99), headers: { "Content-Encoding": "gzip" }, refused: "unsupported-media-type" }),
  call("privateadmin importBundle", "Bundles cannot be asked for", { method: "GET", refused: "method-not-allowed" }),
  ...tokenCases("privateadmin importBundle", "An import", {
    body: bundle(99), wrongScope: "adminToken", otherService: "operatorToken", expired: "expiredAdminToken",
  }),
  call("privateadmin importBundle", "After all of these, the record is what it was", { body: bundle(72), ...counted({ found: 3, unchanged: 3 }) }),
]);

export default folder("1 · A record comes in: FHIR import", `
  The hospital's own systems bring records in, on a listener of its own that is never reachable from outside,
  with a bearer token of the scope \`fhir:import\`.
  `, [good, later, partly, whole]);
