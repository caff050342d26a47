import { call, folder } from "../lib/author.mjs";
import { makers, malformed, prepare, send } from "../shared/steps.mjs";

const login = "portal login";
const inHospital = { path: { hospital: "{{hospitalId}}" } };

const challenge = (title) => call("portal createLoginChallenge", title, {
  test() {
    pm.test("it names the portal's origin", () => pm.expect(pm.response.json().origin).to.equal(pm.environment.get("portal")));
    pm.collectionVariables.set("loginChallenge", pm.response.json().challenge);
  },
});

const proof = (name, title, more = {}) =>
  prepare(makers.doctor, name, title, { step: "login", challenge: "{{loginChallenge}}", origin: "{{portal}}", ...more });

// logsIn posts a login, changed by change.
const logsIn = (name, title, o = {}) => call(login, title, { body: `{{login.${name}}}`, ...o });

const changed = (name, title, change) => call(login, title, {
  body: "{{changed}}", refused: "refused", consts: { name },
  before: { toString: () => `() {\nconst login = JSON.parse(pm.collectionVariables.get(\`login.\${name}\`));\n${change}\npm.variables.set("changed", JSON.stringify(login));\n}` },
});

const bad = (name, body, more = {}) => call(login, `Login: ${name}`, { body, refused: "invalid", ...more });

const logins = folder("Logins", `
  A doctor proves PRK_D to a challenge that is good once and for a minute. She signs the portal's origin too, as she
  knows it: another site cannot pass the challenge on.
  `, [
  challenge("A challenge to log in with"),
  proof("login", "The doctor's proof is prepared"),
  changed("login", "A proof that was changed", 'const bytes = Array.from(bytesOf(login.signature)); bytes[0] ^= 1; login.signature = base64Of(bytes);'),
  changed("login", "A proof of another challenge", 'login.challenge = "A".repeat(43);'),
  changed("login", "A credential that was changed", 'const bytes = Array.from(bytesOf(login.credential)); bytes[bytes.length - 1] ^= 1; login.credential = base64Of(bytes);'),
  proof("login.elsewhere", "A proof for another origin is prepared", { origin: "https://portal.example" }),
  logsIn("login.elsewhere", "A proof for another origin", { refused: "refused" }),
  logsIn("login", "The doctor's own proof lets her in", {
    says: "What strangers sent has not used the challenge up.",
    test() {
      pm.test("for 15 minutes", () => pm.expect(Date.parse(pm.response.json().expires) - Date.now()).to.be.within(13 * 60000, 15.5 * 60000));
      pm.collectionVariables.set("portalSession", pm.response.json().token);
    },
  }),
  logsIn("login", "The same proof again", { refused: "refused" }),
  challenge("A challenge for the throwaway doctor"),
  proof("login.dr", "Her proof is prepared", { doctor: "{{h.dr}}" }),
  logsIn("login.dr", "She is let in, as herself", {
    test() {
      pm.collectionVariables.set("throwawaySession", pm.response.json().token);
    },
  }),
  bad("no body", undefined), bad("an empty object", {}), bad("a member that nobody knows", `{"credential":"AAAA","challenge":"${"A".repeat(43)}","signature":"${"A".repeat(86)}","more":1}`),
  bad("a short challenge", { credential: "AAAA", challenge: "AAAA", signature: "A".repeat(86) }),
  bad("a credential that is none", { credential: "AAAA", challenge: "A".repeat(43), signature: "A".repeat(86) }),
  bad("plain text", {}, { sends: "text/plain", refused: "unsupported-media-type" }),
  bad("another method", {}, { method: "PATCH", refused: "method-not-allowed" }),
  bad("too many bytes", '{"credential":"{{oversized}}"}', {
    refused: "too-large",
    before() {
      pm.variables.set("oversized", "A".repeat(100000));
    },
    test() {
      pm.variables.unset("oversized");
    },
  }),
]);

const mailbox = "portal sendToPatient";
const inbox = folder("The inbox", `
  What patients sent to a doctor, and what she answers, behind her session. A doctor answers in her own visits only, and
  each step once.
  `, [
  call("portal fetchInbox", "With her session she reads her mail", {
    test() {
      pm.test("letters in their order", () => {
        const ids = pm.response.json().messages.map((m) => Number(m.id.split("-")[0]));
        pm.expect(ids).to.eql([...ids].sort((a, b) => a - b));
      });
      pm.collectionVariables.set("letters", pm.response.json().messages.length);
    },
  }),
  call("portal fetchInbox", "The throwaway doctor reads her own, which is empty", {
    token: "throwawaySession",
    test() {
      pm.test("no letters", () => pm.expect(pm.response.json().messages).to.eql([]));
    },
  }),
  call("portal fetchInbox", "Mail without a session", { token: null, refused: "unauthenticated" }),
  call("portal fetchInbox", "Mail with an operator's token", { token: "operatorToken", refused: "unauthenticated" }),
  call("portal fetchInbox", "Mail after what is no letter", { query: { after: "yesterday" }, refused: "invalid" }),
  call("portal streamInbox", "The stream of mail without a session", { token: null, refused: "unauthenticated" }),
  call(mailbox, "An answer without a session", { body: { message: "{{r.v1}}" }, token: null, refused: "unauthenticated" }),
  call(mailbox, "The doctor's own answer (M2) again", { body: { message: "{{r.v1}}" }, refused: "refused" }),
  call(mailbox, "Her answer, sent by another doctor", { body: { message: "{{r.v2}}" }, token: "throwawaySession", refused: "refused" }),
  send(mailbox, "c1", "A patient's message, sent as a doctor's", { refused: "invalid" }),
  call("portal fetchForPatient", "The patient has one answer, as before", {
    headers: { "Visit-Capability": "{{capability.v1}}" },
    test() {
      pm.test("one", () => pm.expect(pm.response.json().messages.length).to.equal(1));
    },
  }),
  malformed(mailbox, "Answer", { limit: 4 << 20 }),
]);

const m4 = (name, title) => prepare(makers.doctor, name, title, { step: "M4", visit: "{{visit.main}}", mode: "write" });
const unknown = (title, o) => send("portal relaySession", "m6", title, o);
const closed = (operation, what, o = {}) =>
  call(operation, `A relayed ${what} without a session`, { body: { message: "AAAA" }, token: null, refused: "unauthenticated", ...o });
const relay = folder("The relay", `
  A doctor's browser reaches the clouds through her portal, at addresses of the signed directory only and by a list of
  operations. What the clouds answer, refusals too, is passed on.
  `, [
  closed("portal relaySearch", "search"),
  closed("portal relayDiagnosisEntry", "entry of a diagnosis"),
  closed("portal relayPublishPrekey", "prekey", { body: { signed: "AAAA" } }),
  closed("portal relaySession", "session", inHospital),
  closed("portal relayRelease", "request for a record", inHospital),
  closed("portal relayDiagnosis", "diagnosis", inHospital),
  closed("portal relaySearch", "search with an operator's token, that is", { token: "operatorToken" }),
  unknown("A hospital that is not in the directory", { path: { hospital: "nowhere" }, refused: "not-found" }),
  unknown("A hospital whose name is no name", { path: { hospital: "NOWHERE" }, refused: "invalid" }),
  call("portal relayPrekey", "What is not on the list is not relayed", { url: "{{portal}}/v1/relay/cloud/v1/log", refused: "not-found" }),
  call("portal relayPrekey", "The operator's desk is not relayed", { url: "{{portal}}/v1/relay/cloud/v1/operator/patient-codes", method: "POST", token: "operatorToken", refused: "not-found" }),
  send("portal relayRegistration", "m0", "A patient's registration has no business at a portal", { refused: "invalid" }),
  m4("relay", "A search through the portal is prepared"),
  send("portal relaySearch", "relay", "It is relayed and answered"),
  send("portal relaySearch", "relay", "The same through the portal again", { refused: "refused" }),
  send("publiccloud search", "relay", "Nor is it taken at the public cloud itself", { refused: "refused" }),
  malformed("portal relaySearch", "Relayed search"),
  malformed("portal relaySession", "Relayed session", inHospital),
  malformed("portal relayRelease", "Relayed release", inHospital),
  malformed("portal relayDiagnosis", "Relayed diagnosis", { ...inHospital, limit: 4 << 20 }),
  malformed("portal relayPublishPrekey", "Relayed prekey", { member: "signed" }),
]);

export default folder("13 · Portal: the doctor's side", `
  Logins, her mail, and the relay to the clouds.
  `, [logins, inbox, relay]);
