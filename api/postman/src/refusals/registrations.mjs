import { call, folder } from "../lib/author.mjs";
import { challenge } from "../shared/throwaway.mjs";
import { changes, makers, malformed, opened, prepare, send, spoiled } from "../shared/steps.mjs";

const operation = "publiccloud register";

const code = (name, title) => call("publiccloud createPatientCode", title, {
  consts: { name },
  test() {
    pm.collectionVariables.set(name, pm.response.json().code);
  },
});

// log proves by how many lines the public log has grown.
const log = (title, grown) => call("publiccloud getLog", title, {
  query: { from: "{{logEnd}}" }, consts: { grown },
  before() {
    if (!pm.collectionVariables.get("logEnd")) pm.collectionVariables.set("logEnd", 0);
  },
  test() {
    const { entries } = pm.response.json();
    pm.collectionVariables.set("logEnd", Number(pm.collectionVariables.get("logEnd")) + entries.length);
    if (pm.response.json().next) pm.execution.setNextRequest(pm.info.requestName);
    else if (grown !== null) pm.test(`it has grown by ${grown} lines`, () => pm.expect(entries.length).to.equal(grown));
  },
});

const m0 = { step: "M0", code: "{{codeP}}", challenge: "{{challenge}}" };

const [, flipped] = changes.tag;
const [, shorter] = changes.short;

export default folder("2 · Public cloud: registrations (M0)", `
  A registration is admitted by a fresh challenge of the public cloud, a proof that the registrant knows x_X and
  PRK_X, and a single-use code (a patient) or the medical authority's certificate (a doctor). What fails leaves no line
  in the public log and uses no code up.
  `, [
  log("The end of the public log", null),
  code("codeP", "A registration code"),
  challenge("A challenge"),
  prepare(makers.patient, "m0", "A patient's registration is prepared", m0),
  spoiled(operation, "m0", "A registration whose code was changed", flipped, "refused"),
  spoiled(operation, "m0", "A registration whose challenge was changed", function () {
    const nonce = bytesOf(pm.collectionVariables.get("challenge"));
    const at = bytes.findIndex((_, i) => nonce.every((b, j) => bytes[i + j] === b));
    bytes[at + nonce.length - 1] ^= 1; // of its MAC
  }, "refused"),
  spoiled(operation, "m0", "A registration whose time was changed", function () {
    const nonce = bytesOf(pm.collectionVariables.get("challenge"));
    const at = bytes.findIndex((_, i) => nonce.every((b, j) => bytes[i + j] === b));
    bytes[at + 2] ^= 1; // years
  }, "stale"),
  spoiled(operation, "m0", "A registration without its last byte", shorter, "invalid"),
  send(operation, "m0", "A registration with an operator's token that has expired", { token: "expiredOperatorToken", refused: "unauthenticated" }),
  send("publiccloud search", "m0", "A registration sent to where one searches", { refused: "invalid" }),
  challenge("A second challenge"),
  prepare(makers.patient, "m0.guessed", "A registration with a guessed code is prepared", { ...m0, code: "AAAAA-AAAAA-AAAAA-AAAAA" }),
  send(operation, "m0.guessed", "A registration with a guessed code", { refused: "refused" }),
  log("None of them stands in the log", 0),
  send(operation, "m0", "The registration as it was prepared is taken"),
  opened(makers.patient, "m0", "Her device accepts the partial key (Eq. 4)", "M0", function () {
    pm.test("she has an identifier and a credential", () => {
      pm.expect(pm.response.json().registration.id).to.match(/^[0-9a-f]{32}$/);
      pm.collectionVariables.set("throwaway", pm.response.json().registration.credential);
    });
  }),
  log("It stands in the log, once", 1),
  send(operation, "m0", "The same registration again", { refused: "refused" }),
  challenge("A third challenge"),
  prepare(makers.patient, "m0.used", "Another patient with the same code is prepared", m0),
  send(operation, "m0.used", "A code is good once", { refused: "refused" }),
  log("Neither stands in the log", 0),
  malformed(operation, "Registration"),
]);
