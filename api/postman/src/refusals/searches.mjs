import { call, folder } from "../lib/author.mjs";
import { changed, consents, makers, malformed, opened, prepare, send, uses, whenOver } from "../shared/steps.mjs";

const operation = "publiccloud search";
const m4 = (consent, more = {}) => ({ step: "M4", visit: `{{visit.${consent}}}`, mode: "read", ...more });

export default folder("3 · Public cloud: searches (M4)", `
  The public cloud lets a doctor search only under a consent for her, in its time, not revoked, not used up, with a
  signature for each locator (Eq. 28); it counts the use in the same step. It sees no name: the patient's own agent
  asks it here how often her consent was used.
  `, [
  prepare(makers.doctor, "m4", "A search is prepared", m4("main")),
  ...changed(operation, "m4", "A search"),
  send("privatecloud openSession", "m4", "A search sent to a hospital", { refused: "invalid" }),
  send("publiccloud writeDiagnosisEntry", "m4", "A search sent to where diagnoses are indexed", { refused: "invalid" }),
  prepare(makers.doctor, "m4.stale", "A search from a minute ago is prepared", m4("main", { time: -60000 })),
  send(operation, "m4.stale", "A search from a minute ago", { refused: "stale" }),
  prepare(makers.doctor, "m4.future", "A search from the future is prepared", m4("main", { time: 60000 })),
  send(operation, "m4.future", "A search from the future", { refused: "stale" }),
  uses("main", 0, "None of them used the consent"),
  send(operation, "m4", "The search as it was prepared is answered (M5)", {
    says: "What was changed on its way has not used up the message: only its sender can.",
  }),
  opened(makers.doctor, "m4", "The ticket holds", "M5", function () {
    const { search } = pm.response.json();
    pm.test("it is for reading, in the doctor's department, for five minutes", () => {
      pm.expect(search.mode).to.equal("read");
      pm.expect(search.department).to.equal(pm.environment.get("department"));
      pm.expect(Date.parse(search.expires) - Date.now()).to.be.within(270000, 310000);
    });
    pm.test("the hospital's entries are found", () => pm.expect(search.hospitals.map((h) => h.hospital)).to.include(pm.environment.get("hospitalId")));
  }),
  uses("main", 1, "It was a use of the consent"),
  send(operation, "m4", "The same search again", { refused: "refused" }),
  uses("main", 1, "The replay was none"),
  ...consents("short", "A consent for a few seconds", { seconds: 4 }),
  ...consents("once", "A consent for one search", { maxUses: 1 }),
  prepare(makers.doctor, "once.1", "Its one search is prepared", m4("once")),
  prepare(makers.doctor, "once.2", "One search too many is prepared", m4("once")),
  send(operation, "once.1", "Its one search"),
  send(operation, "once.2", "One search too many", { refused: "refused" }),
  uses("once", 1, "The consent for one search was used once"),
  ...consents("revoked", "A consent that she will revoke"),
  prepare(makers.doctor, "revoked", "A search under it is prepared", m4("revoked")),
  call("patientagent revoke", "She revokes it", {
    path: { consent: "{{consent.revoked}}" },
    test() {
      pm.test("everywhere", () => pm.expect(pm.response.json().complete).to.equal(true));
    },
  }),
  send(operation, "revoked", "A search under a revoked consent", { refused: "refused" }),
  uses("revoked", 0, "The revoked consent was never used"),
  prepare(makers.doctor, "short", "When the consent for a few seconds is over, a search under it is prepared", m4("short"), whenOver("short")),
  send(operation, "short", "A search under a consent that is over", { refused: "refused" }),
  uses("short", 0, "The consent that is over was never used"),
  prepare(makers.doctor, "nothing", "A search without any locator is prepared", m4("nothing")),
  send(operation, "nothing", "A search under a consent that names no locator", { refused: "refused" }),
  malformed(operation, "Search"),
]);
