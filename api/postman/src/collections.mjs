import { text } from "./lib/author.mjs";
import audit from "./administration/audit.mjs";
import desk from "./administration/desk.mjs";
import imports from "./administration/import.mjs";
import keys from "./administration/keys.mjs";
import operator from "./administration/operator.mjs";
import { health } from "./shared/health.mjs";
import cloudQuestions from "./refusals/cloud-questions.mjs";
import diagnoses from "./refusals/diagnoses.mjs";
import end from "./refusals/end.mjs";
import enrolments from "./refusals/enrolments.mjs";
import hospitalQuestions from "./refusals/hospital-questions.mjs";
import indexEntries from "./refusals/index-entries.mjs";
import people from "./refusals/people.mjs";
import portalDoctor from "./refusals/portal-doctor.mjs";
import portalMessages from "./refusals/portal-messages.mjs";
import prekeys from "./refusals/prekeys.mjs";
import registrations from "./refusals/registrations.mjs";
import releases from "./refusals/releases.mjs";
import searches from "./refusals/searches.mjs";
import sessions from "./refusals/sessions.mjs";
import consult from "./visit/consult.mjs";
import control from "./visit/control.mjs";
import diagnosis from "./visit/diagnosis.mjs";
import directory from "./visit/directory.mjs";
import guest from "./visit/guest.mjs";
import parties from "./visit/parties.mjs";
import records from "./visit/records.mjs";

const howto = `
  Start \`deploy/up\`, import the environment file that it prints, choose it, and run the collection from
  its first request to its last: each one uses what earlier ones found. It can be run again and again. A
  single request can be sent by hand too, once those before it have been; where one "is repeated until", send
  it again yourself.

  Each request asserts status, content type, security headers and the JSON schema of the answer, taken from
  the OpenAPI documents (the collection's own script), and what the answer means (the request's script).
  `;

// left are the operations of which no collection has a request, and why.
export const left = {
  "portal relayChallenge": "the relay of a registration is tested by what it refuses",
  "doctoragent requestCertificate": "the agent's doctor is certified once; a throwaway doctor asks by a prepared step",
  "doctoragent setCertificate": "as above",
  "doctoragent register": "as above",
  "doctoragent watchEvents": "a stream without an end",
  "patientagent watch": "a stream without an end",
  "patientagent openPageSession": "for a browser, with a cookie",
  "patientagent closePageSession": "for a browser, with a cookie",
  "patientagent challengePasskey": "needs an authenticator",
  "patientagent putProfile": "would change the patient of the demonstration",
  "patientagent lock": "would end her visits",
  "patientagent endVisit": "needs a doctor who does not answer",
};

// collections are what is built, by the name of the file.
export const collections = {
  visit: {
    name: "medunion 1: a visit",
    says: text(`
      A patient consults a doctor, who gets exactly the part of her record that she allows, from several
      hospitals, and whose diagnosis flows back into it. Every step of the protocol, in its order, through the
      two agents' APIs. M1 to M12 are its messages and the numbers those of the equations, as in
      api/doc/protocol.md.
      `) + "\n\n" + text(howto),
    folders: [health, directory, parties, guest, consult, records, diagnosis, control],
  },
  refusals: {
    name: "medunion 2: refusals",
    says: text(`
      What goes wrong, at every address of the protocol: messages that are replayed, stale, from the future, changed on
      their way, sent to somebody else; consents that are missing, over, revoked, used up; a public cloud that was never
      asked; the wrong role; too many bytes; bytes that are no message. Each answer is a problem (RFC 9457) of exactly one
      kind, all refusals look alike, and what follows them proves that nothing changed.
      `) + "\n\n" + text(howto),
    folders: [health, people, registrations, searches, indexEntries, cloudQuestions, prekeys, enrolments, sessions, releases, diagnoses,
      hospitalQuestions, portalMessages, portalDoctor, end],
  },
  administration: {
    name: "medunion 3: FHIR and administration",
    says: text(`
      What a hospital's systems and desk, its auditors and the operator of the public cloud do, each with a bearer
      token of its own scope: records come in as FHIR Bundles, codes go out, the audit trail is read, keys are
      rotated, credentials end.
      `) + "\n\n" + text(howto),
    folders: [health, imports, desk, audit, operator, keys],
  },
};
