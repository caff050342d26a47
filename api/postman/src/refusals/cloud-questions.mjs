import { folder } from "../lib/author.mjs";
import { changed, makers, malformed, opened, prepare, send, uses } from "../shared/steps.mjs";

const operation = "publiccloud ask";
const question = (question, more = {}) => ({ step: "cloud-question", department: "{{someDepartment}}", question, consent: "{{consent.main}}", ...more });

export default folder("5 · Public cloud: questions of a patient", `
  Under the key of a locator its holder asks how often a consent was used and which entries there are, and revokes a
  consent. Nobody else can, and the answer opens with her one-time key only.
  `, [
  prepare(makers.patient, "ask", "A question is prepared: how often was it used?", question("uses")),
  ...changed(operation, "ask", "A question to the public cloud"),
  prepare(makers.patient, "ask.hospital", "A question to the hospital is prepared", { step: "hospital-question", hospital: "{{hospitalId}}", question: "releases" }),
  send(operation, "ask.hospital", "A question to the hospital sent to the public cloud", { refused: "refused" }),
  prepare(makers.patient, "ask.stale", "A question from a minute ago is prepared", question("uses", { time: -60000 })),
  send(operation, "ask.stale", "A question from a minute ago", { refused: "stale" }),
  prepare(makers.patient, "ask.future", "A question from the future is prepared", question("uses", { time: 60000 })),
  send(operation, "ask.future", "A question from the future", { refused: "stale" }),
  send(operation, "ask", "The question as it was prepared is answered"),
  opened(makers.patient, "ask", "The answer is signed, and says one use", "answer", function () {
    pm.test("one use", () => pm.expect(pm.response.json().answer.count).to.equal(1));
  }),
  send(operation, "ask", "The same question again", { refused: "refused" }),
  prepare(makers.patient, "revoke", "A revocation is prepared", question("revoke")),
  ...changed(operation, "revoke", "A revocation").slice(0, 2),
  prepare(makers.doctor, "m4.after", "A search under the same consent is prepared", { step: "M4", visit: "{{visit.main}}", mode: "read" }),
  send("publiccloud search", "m4.after", "The consent still holds: the changed revocations did nothing"),
  uses("main", 2, "And that was its second use"),
  malformed(operation, "Question to the public cloud"),
]);
