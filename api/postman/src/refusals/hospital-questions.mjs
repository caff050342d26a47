import { call, folder } from "../lib/author.mjs";
import { changed, ifTwo, makers, malformed, opened, prepare, send, trail } from "../shared/steps.mjs";

const operation = "privatecloud ask";
const question = (question, more = {}) => ({ step: "hospital-question", hospital: "{{hospitalId}}", question, ...more });

export default folder("11 · Hospital: questions of a patient", `
  Who saw what, the diagnoses written, her own record, the revocation of a consent: only the enrolled credential is
  answered, and the answer opens with her one-time key only.
  `, [
  prepare(makers.patient, "q", "A question is prepared: who saw what?", question("releases")),
  ...changed(operation, "q", "A question"),
  send(operation, "q", "A question sent to another hospital", { at: "otherHospital", refused: "refused", ...ifTwo }),
  prepare(makers.patient, "q.stale", "A question to the hospital from a minute ago is prepared", question("releases", { time: -60000 })),
  send(operation, "q.stale", "A question to the hospital from a minute ago", { refused: "stale" }),
  prepare(makers.patient, "q.future", "A question to the hospital from the future is prepared", question("releases", { time: 60000 })),
  send(operation, "q.future", "A question to the hospital from the future", { refused: "stale" }),
  send(operation, "q", "The question as it was prepared is answered by the hospital"),
  opened(makers.patient, "q", "Its answer is signed, and its numbers have no gaps", "answer", function () {
    const { answer } = pm.response.json();
    pm.test("from 1, without gaps", () => pm.expect(answer.numbers).to.eql(answer.numbers.map((_, i) => i + 1)));
  }),
  send(operation, "q", "The same question to the hospital again", { refused: "refused", kept: "id.q.again" }),
  prepare(makers.patient, "q.revoke", "A revocation at the hospital is prepared", question("revoke", { consent: "{{consent.main}}" })),
  ...changed(operation, "q.revoke", "A revocation at the hospital").slice(0, 2),
  trail("The replay stands in the audit trail", "ask", ["q.again"]),
  call("patientagent listConsents", "The consent is not revoked", {
    test() {
      const mine = pm.response.json().consents.find((c) => c.consent === pm.collectionVariables.get("consent.main"));
      pm.test("it holds", () => pm.expect(mine.revoked).to.equal("no"));
    },
  }),
  malformed(operation, "Question to the hospital"),
]);
