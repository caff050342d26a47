// What the folders of refusals have in common: steps with messages that the agents prepare,
// what goes wrong with any body, and what proves that nothing changed.
import { call, folder, source } from "../lib/author.mjs";

// An agent or a hospital that prepares messages: the document, and who asks.
const doctor = { api: "doctoragent" };
const patient = { api: "patientagent" };
const hospital = { api: "privateadmin" };
export const makers = { doctor, patient, hospital };

// prepare makes a message and sends nothing: {{m.<name>}} are its bytes, {{h.<name>}} its handle.
export function prepare(maker, name, title, step, o = {}) {
  const operation = maker === hospital ? "privateadmin prepareIndexEntry" : `${maker.api} prepareMessage`;
  return call(operation, title, {
    body: step, ...o, consts: { name },
    test: o.refused ? undefined : keepMade,
  });
}

function keepMade() {
  const made = pm.response.json();
  const keep = (key, value) => value !== undefined && pm.collectionVariables.set(`${key}.${name}`, value);
  pm.test("there is a message to send", () => pm.expect(made.message || made.signed || made.request || made.login).to.be.ok);
  keep("h", made.handle);
  keep("m", made.message || made.signed);
  keep("request", made.request && JSON.stringify(made.request));
  keep("login", made.login && JSON.stringify(made.login));
  keep("capability", made.capability);
  keep("consent", made.consent);
  keep("locator", made.locator);
}

// send posts the message of a name; {{r.<name>}} is the answer. o as of call.
export function send(operation, name, title, o = {}) {
  const { test, consts, member = "message", ...rest } = o;
  return call(operation, title, {
    body: { [member]: `{{m.${name}}}` }, ...rest, consts: { name, ...consts },
    test: o.refused ? test : test ?? keepReply,
  });
}

function keepReply() {
  const lines = pm.response.text().trim().split("\n").filter((line) => line).map((line) => JSON.parse(line).message);
  pm.collectionVariables.set(`r.${name}`, lines[0]);
}

// opened gives the answer to its maker, who verifies it; type and test say what it must be.
export function opened(maker, name, title, type, test, handle = name) {
  return call(`${maker.api} openReply`, title, {
    body: { handle: `{{h.${handle}}}`, message: `{{r.${name}}}` }, consts: { type },
    test: test ? both(typed, test) : typed,
  });
}

function typed() {
  pm.test(`it is ${type}, and it verifies`, () => pm.expect(pm.response.json().type).to.equal(type));
}

// both is a function with the bodies of two.
function both(f, g) {
  return { toString: () => `() {\n${source(f).join("\n")}\n${source(g).join("\n")}\n}` };
}

// spoiled posts a message that was changed on its way. change is a script that changes the array
// bytes.
export function spoiled(operation, name, title, change, refused, o = {}) {
  const { member = "message", ...rest } = o;
  return call(operation, title, {
    body: { [member]: "{{spoiled}}" }, refused, ...rest, consts: { name },
    before: both(take, both(change, put)),
  });
}

function take() {
  let bytes = Array.from(bytesOf(pm.collectionVariables.get(`m.${name}`)));
}

function put() {
  pm.variables.set("spoiled", base64Of(bytes));
}

// The ways in which a network may change a message.
export const changes = {
  tag: ["with a bit of its last byte flipped", function () {
    bytes[bytes.length - 1] ^= 1; // of the AEAD's tag, or of a signature
  }],
  nonce: ["with a bit of its header flipped", function () {
    bytes[125] ^= 1; // in N, which is bound to the ciphertext
  }],
  short: ["without its last byte", function () {
    bytes.pop();
  }],
  long: ["with a byte behind it", function () {
    bytes.push(0);
  }],
};

// changed are the four changes of a sealed message: the bits are refused, the lengths malformed.
export function changed(operation, name, what, o = {}) {
  return Object.entries(changes).map(([key, [how, script]]) =>
    spoiled(operation, name, `${what} ${how}`, script, ["short", "long"].includes(key) ? "invalid" : "refused", o));
}

// malformed are the bodies that no address takes, whoever sends them. limit is the most bytes of
// a message there.
export function malformed(operation, what, { member = "message", good = "AAAA", limit = 64 << 10, ...o } = {}) {
  const text = (value) => `{"${member}":${JSON.stringify(value)}}`;
  const bad = (name, body, more = {}) => call(operation, `${what}: ${name}`, { body, refused: "invalid", ...o, ...more });
  return folder(`${what}: what is no message`, `
    None of these reaches the protocol: each is answered by the kind of its fault, and the answer repeats nothing of
    the request. The last three are turned away before the body is read.
    `, [
    bad("no body", undefined), bad("no JSON", "{message"), bad("an array", "[]"), bad("an empty object", "{}"),
    bad("a member that nobody knows", `{"${member}":"${good}","more":1}`),
    bad("the member twice", `{"${member}":"${good}","${member}":"${good}"}`),
    bad("a number", text(1)), bad("the empty text", text("")), bad("padding", text("AAA=")), bad("stray bits", text("AAB")),
    bad("the other alphabet of base64", text("+/+/")), bad("bytes that are no message", text("AAAAAAAA")),
    bad("plain text", text(good), { sends: "text/plain", refused: "unsupported-media-type" }),
    bad("a compressed body", text(good), { headers: { ...o.headers, "Content-Encoding": "gzip" }, refused: "unsupported-media-type" }),
    bad("another method", text(good), { method: "PATCH", refused: "method-not-allowed" }),
    oversized(operation, what, member, limit, o),
  ]);
}

// ifTwo leaves a request out when there is one hospital only.
export const ifTwo = {
  before: { toString: () => `() {\nif (!pm.environment.get("otherHospital")) pm.execution.skipRequest();\n}` },
};

function oversized(operation, what, member, limit, o) {
  return call(operation, `${what}: too many bytes`, {
    ...o, body: `{"${member}":"{{oversized}}"}`, refused: "too-large", consts: { length: Math.ceil((limit * 4) / 3) + 400 },
    before() {
      pm.variables.set("oversized", "A".repeat(length));
    },
    test() {
      pm.variables.unset("oversized");
    },
  });
}

// session searches under a visit's consent and opens a session at a hospital: M4 to M7. Afterwards
// {{h.<name>.search}} holds the ticket and {{h.<name>}} the session. o may name another hospital (its
// ID and the variable with its address), a mode, and the visit whose consent M6 names.
export function session(name, what, visit, { hospital: id = "{{hospitalId}}", at = "hospital", mode = "read", consent } = {}) {
  const search = `${name}.search`;
  return [
    prepare(doctor, search, `${what}: a search is prepared`, { step: "M4", visit: `{{visit.${visit}}}`, mode }),
    send("publiccloud search", search, `${what}: the search is answered (M5)`),
    opened(doctor, search, `${what}: the ticket holds`, "M5"),
    prepare(doctor, name, `${what}: a session is prepared (M6)`, {
      step: "M6", search: `{{h.${search}}}`, hospital: id, ...(consent && { consent: `{{visit.${consent}}}` }),
    }),
    send("privatecloud openSession", name, `${what}: the session is answered (M7)`, { at }),
    opened(doctor, name, `${what}: both have the same key SEK_2`, "M7"),
  ];
}

// uses proves how often a consent was used, by the public cloud's signed answer to the patient.
export function uses(consent, n, title) {
  return call("patientagent listUses", title, {
    path: { consent: `{{consent.${consent}}}` }, consts: { n },
    test() {
      pm.test(`the consent was used ${n} times`, () => pm.expect(pm.response.json().uses.length).to.equal(n));
    },
  });
}

// releases proves how many numbered releases, diagnoses included, a hospital lists for a consent.
export function releases(consent, { read, write }, title) {
  return call("patientagent listReleases", title, {
    consts: { consent, read, write },
    test() {
      const home = pm.response.json().hospitals.find((h) => h.hospital === pm.environment.get("hospitalId"));
      const under = (mode) => home.releases.filter((r) => r.consent === pm.collectionVariables.get(`consent.${consent}`) && r.mode === mode).length;
      pm.test(`${read} releases and ${write} diagnoses under this consent`, () => pm.expect([under("read"), under("write")]).to.eql([read, write]));
      pm.test("the hospital hides nothing", () => pm.expect(home.warnings).to.eql([]));
    },
  });
}

// trail proves that requests, kept under these names, were written down as refused, each with its
// reason: the audit trail says more than the sender was told. step is the message's type.
export function trail(title, step, kept) {
  return call("privateadmin getAudit", title, {
    query: { from: "{{auditFrom}}" }, consts: { step, kept },
    says: "All refusals look alike outside. The hospital's own trail has the reason, which is no secret to the hospital.",
    test() {
      const ids = kept.map((name) => pm.collectionVariables.get(`id.${name}`));
      const lines = trailOf((e) => ids.includes(e.request));
      if (lines) {
        kept.forEach((name, i) => pm.test(`"${name}" stands in it as refused, with a reason`, () => {
          const mine = lines.filter((e) => e.request === ids[i]);
          pm.expect(mine.map((e) => [e.event, e.step])).to.eql([["refused", step]]);
          pm.expect(mine[0].reason).to.be.a("string").that.is.not.empty;
        }));
      }
    },
  });
}

// whenOver lets a request wait until the consent of a name has ended.
export const whenOver = (name) => ({
  before: { toString: () => `() {\nsetTimeout(() => {}, Math.max(0, Number(pm.collectionVariables.get("ends.${name}")) + 300 - Date.now()));\n}` },
});

// consents takes the patient to the doctor's waiting list under terms of the test's own:
// {{visit.<name>}} is the doctor's number of the visit, {{consent.<name>}} is H(Consent).
export function consents(name, what, { hours = 1, seconds = hours * 3600, maxUses = 20, grants = "{{grantsHome}}", writeTo = "{{hospitalId}}" } = {}) {
  return [
    call("patientagent startVisit", `${what}: she consults the doctor`, {
      body: `{
  "link": "{{link}}",
  "passphrase": "{{patientPassphrase}}",
  "department": "{{department}}",
  "expires": "{{expires}}",
  "maxUses": ${maxUses},
  "grants": ${grants},
  "writeTo": "${writeTo}"
}`,
      consts: { name, seconds },
      before() {
        const end = Date.now() + seconds * 1000;
        pm.variables.set("expires", new Date(end).toISOString());
        pm.collectionVariables.set(`ends.${name}`, end);
      },
      test() {
        pm.collectionVariables.set("patientVisit", pm.response.json().id);
      },
    }),
    call("patientagent getVisit", `${what}: it has been shared`, {
      path: { visit: "{{patientVisit}}" }, consts: { name },
      until(visit) {
        return ["shared", "diagnosed", "failed"].includes(visit.state);
      },
      test() {
        pm.test("the consent was shared", () => pm.expect(pm.response.json().code, pm.response.json().says).to.equal("shared"));
        pm.collectionVariables.set(`consent.${name}`, pm.response.json().consent);
      },
    }),
    call("doctoragent listVisits", `${what}: the doctor has it`, {
      consts: { name },
      until({ visits }) {
        return visits.some((v) => v.consent && v.consent.hash === pm.collectionVariables.get(`consent.${name}`));
      },
      test() {
        const visit = pm.response.json().visits.find((v) => v.consent && v.consent.hash === pm.collectionVariables.get(`consent.${name}`));
        pm.test("she waits", () => pm.expect(visit.state).to.equal("waiting"));
        pm.collectionVariables.set(`visit.${name}`, visit.id);
      },
    }),
  ];
}
