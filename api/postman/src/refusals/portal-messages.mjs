import { call, folder } from "../lib/author.mjs";
import { changes, makers, malformed, opened, prepare, send, spoiled } from "../shared/steps.mjs";

const consult = "portal consult";
const toDoctor = { path: { credential: "{{doctorCredential}}" } };
const give = "portal sendToDoctor";
const as = (name) => ({ headers: { "Visit-Capability": `{{capability.${name}}}` } });

// mail waits for what the doctor sends in a visit.
const mail = (name, title, seconds = 20) => call("portal fetchForPatient", title, {
  ...as(name), query: { wait: seconds }, consts: { name },
  test() {
    const { messages } = pm.response.json();
    pm.test("the doctor has answered", () => pm.expect(messages.length).to.equal(1));
    pm.collectionVariables.set(`r.${name}`, messages[0].message);
  },
});

const silence = (name, title, seconds = 0) => call("portal fetchForPatient", title, {
  ...as(name), query: { wait: seconds },
  test() {
    pm.test("the doctor has not answered", () => pm.expect(pm.response.json().messages).to.eql([]));
  },
});

const m1 = (name, title, more = {}) => prepare(makers.patient, name, title, { step: "M1", link: "{{link}}", ...more });
const m3 = (name, of, title) => prepare(makers.patient, name, title, {
  step: "M3", visit: `{{h.${of}}}`, passphrase: "{{patientPassphrase}}", department: "{{department}}", expires: "{{inAnHour}}", grants: [], writeTo: "",
}, {
  before() {
    pm.variables.set("inAnHour", new Date(Date.now() + 3600000).toISOString());
  },
});

// waiting proves whether the doctor has a visit under a consent.
const waiting = (name, title, there) => call("doctoragent listVisits", title, {
  consts: { name, there },
  test() {
    const mine = pm.response.json().visits.filter((v) => v.consent && v.consent.hash === pm.collectionVariables.get(`consent.${name}`));
    pm.test(there ? "once" : "it is not there", () => pm.expect(mine.length).to.equal(there ? 1 : 0));
    if (mine.length) pm.collectionVariables.set(`visit.${name}`, mine[0].id);
  },
});

export default folder("12 · Portal: messages of a visit (M1, M3)", `
  The portal carries sealed messages and reads headers only: it lets a visit take M1, M2, M3 and M10 in this order, each
  once. Whether a message is any good only its receiver knows; the doctor's agent answers nobody whom she cannot verify,
  so that the sender of a bad message hears nothing.
  `, [
  m1("v1", "A consultation is prepared (M1)"),
  send(consult, "v1", "A consultation with a doctor whom the portal does not know", { path: { credential: "00".repeat(32) }, refused: "not-found" }),
  send(give, "v1", "A consultation sent to where consents go", { ...as("v1"), refused: "invalid" }),
  send(consult, "v1", "The consultation is taken", { ...toDoctor, test: nothing }),
  send(consult, "v1", "The same consultation again", { ...toDoctor, refused: "conflict" }),
  mail("v1", "The doctor answers once (M2)"),
  opened(makers.patient, "v1", "It is the doctor who was meant, with the same key SEK_1", "M2", function () {
    pm.test("the doctor of the link", () => pm.expect(pm.response.json().doctor.credential).to.equal(pm.collectionVariables.get("doctorCredential")));
  }),
  m1("v.old", "A consultation from 16 minutes ago is prepared", { time: -960000 }),
  send(consult, "v.old", "The portal takes a consultation from 16 minutes ago", { ...toDoctor, test: nothing }),
  m1("v.future", "A consultation from the future is prepared", { time: 60000 }),
  send(consult, "v.future", "The portal takes a consultation from the future", { ...toDoctor, test: nothing }),
  m1("v.flip", "A consultation to be changed is prepared"),
  spoiledTaken("v.flip", `The portal takes a consultation ${changes.tag[0]}`),
  silence("v.old", "The doctor does not answer one from 16 minutes ago", 3),
  silence("v.future", "The doctor does not answer one from the future"),
  silence("v.flip", "The doctor does not answer one that was changed"),

  m3("c1", "v1", "A consent is prepared (M3)"),
  send(give, "c1", "A consent without the visit's capability", { refused: "unauthenticated" }),
  send(give, "c1", "A consent with the capability of another visit", { ...as("v.old"), refused: "refused" }),
  send(give, "c1", "A consent with what is no capability", { headers: { "Visit-Capability": "x" }, refused: "unauthenticated" }),
  send(consult, "c1", "A consent sent to where consultations go", { ...toDoctor, refused: "invalid" }),
  waiting("c1", "The doctor has none of them", false),
  send(give, "c1", "The consent as it was prepared is taken", { ...as("v1"), test: nothing }),
  call("doctoragent listVisits", "The doctor has verified it", {
    until({ visits }) {
      return visits.some((v) => v.consent && v.consent.hash === pm.collectionVariables.get("consent.c1"));
    },
  }),
  send(give, "c1", "The same consent again", { ...as("v1"), refused: "refused" }),
  waiting("c1", "The doctor has it once", true),

  m1("v2", "Another consultation is prepared"),
  send(consult, "v2", "It is taken as well", { ...toDoctor, test: nothing }),
  mail("v2", "The doctor answers it"),
  opened(makers.patient, "v2", "It is she", "M2"),
  m3("c2", "v2", "A consent to be changed is prepared"),
  spoiledTaken("c2", `The portal takes a consent ${changes.tag[0]}`, give, as("v2")),
  send(give, "c2", "A visit takes one consent, and it has taken the changed one", { ...as("v2"), refused: "refused" }),
  waiting("c2", "The doctor has closed the visit: what does not open is no consent", false),

  call("portal fetchForPatient", "A mailbox without a capability", { refused: "unauthenticated" }),
  call("portal fetchForPatient", "A mailbox that nobody has is empty", {
    headers: { "Visit-Capability": "AAAAAAAAAAAAAAAAAAAAAA" },
    test() {
      pm.test("nothing", () => pm.expect(pm.response.json().messages).to.eql([]));
    },
  }),
  call("portal fetchForPatient", "A wait that is too long", { ...as("v1"), query: { wait: 26 }, refused: "invalid" }),
  malformed(consult, "Consultation", toDoctor),
  malformed(give, "Consent", { ...as("v1"), limit: 4 << 20 }),
]);

function nothing() {}

function spoiledTaken(name, title, operation = consult, o = toDoctor) {
  return spoiled(operation, name, title, changes.tag[1], undefined, o);
}
