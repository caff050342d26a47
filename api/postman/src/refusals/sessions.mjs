import { folder } from "../lib/author.mjs";
import { changed, ifTwo, makers, malformed, opened, prepare, releases, send, trail } from "../shared/steps.mjs";

const operation = "privatecloud openSession";
const m6 = (search, more = {}) => ({ step: "M6", search: `{{h.${search}}}`, hospital: "{{hospitalId}}", ...more });

export default folder("8 · Hospital: sessions (M6)", `
  A doctor opens a session with a hospital for one ticket, H(Ticket), which she can use there once. The hospital checks
  Cred_D, Cert_D (Eq. 36) and Sig_D3 (Eq. 37); it learns nothing yet about the patient.
  `, [
  prepare(makers.doctor, "search", "A search for a session is prepared", { step: "M4", visit: "{{visit.main}}", mode: "read" }),
  prepare(makers.doctor, "unanswered", "Another search is prepared, and never sent", { step: "M4", visit: "{{visit.main}}", mode: "read" }),
  prepare(makers.doctor, "early", "Without the public cloud's ticket no session can be prepared", m6("unanswered"), {
    refused: "conflict",
    says: "A step must follow the one before. How a doctor fares who makes a session with the ticket of another consent is in the next folder.",
  }),
  send("publiccloud search", "search", "The search for a session is answered (M5)"),
  opened(makers.doctor, "search", "The ticket holds, for a session", "M5"),
  prepare(makers.doctor, "m6", "A session is prepared", m6("search")),
  ...changed(operation, "m6", "A session"),
  send(operation, "m6", "A session sent to another hospital", { at: "otherHospital", refused: "refused", ...ifTwo }),
  send("privatecloud enrol", "m6", "A session sent to where patients enrol", { refused: "invalid" }),
  prepare(makers.doctor, "m6.stale", "A session from a minute ago is prepared", m6("search", { time: -60000 })),
  send(operation, "m6.stale", "A session from a minute ago", { refused: "stale" }),
  prepare(makers.doctor, "m6.future", "A session from the future is prepared", m6("search", { time: 60000 })),
  send(operation, "m6.future", "A session from the future", { refused: "stale" }),
  send(operation, "m6", "The session as it was prepared is answered (M7): the ticket was not spent"),
  opened(makers.doctor, "m6", "Both have the same key SEK_2", "M7"),
  send(operation, "m6", "The same session again", { refused: "refused", kept: "id.m6.again" }),
  prepare(makers.doctor, "m6.spent", "Another session with the same ticket is prepared", m6("search")),
  send(operation, "m6.spent", "A ticket is good for one session at a hospital", { refused: "refused", kept: "id.m6.spent" }),
  trail("Both refusals stand in the audit trail", "M6", ["m6.again", "m6.spent"]),
  releases("main", { read: 0, write: 0 }, "Nothing has been released under this consent"),
  malformed(operation, "Session"),
]);
