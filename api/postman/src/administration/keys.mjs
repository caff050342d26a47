import { call, folder } from "../lib/author.mjs";
import { makers, prepare, send } from "../shared/steps.mjs";
import { register } from "../shared/throwaway.mjs";

const put = "publiccloud putPrekey";
const signed = { member: "signed", test() {} };
const card = { path: { credential: "{{throwawayDoctor}}" } };
const prekey = (name, title, more = {}) => prepare(makers.doctor, name, title, { step: "prekey", doctor: "{{h.dr}}", ...more });
const link = { link: "{{portal}}/visit#{{throwawayDoctor}}" };

const published = (title, name) => call("publiccloud getPrekey", title, {
  path: { owner: "{{throwawayDoctor}}" }, consts: { name },
  test() {
    pm.test("it is this one", () => pm.expect(pm.response.json().signed).to.equal(pm.collectionVariables.get(`m.${name}`)));
  },
});

// listed proves whether she stands on the revocation list.
const listed = (title, there) => call("publiccloud getRevocations", title, {
  consts: { there },
  test() {
    const revoked = fieldsOf("hashes", statementOf("revocations", pm.response.json().signed)[1]).map(hexOf);
    pm.test(there ? "she is on it, once" : "she is not on it", () => {
      pm.expect(revoked.filter((c) => c === pm.collectionVariables.get("throwawayDoctor")).length).to.equal(there ? 1 : 0);
    });
  },
});

export default folder("5 · A doctor's keys, from her registration to her revocation", `
  A throwaway doctor, whose keys the doctor's agent holds in memory for this run (development mode), is certified and
  registered (M0; Eq. 8-10), publishes prekeys, and is revoked by the operator. Nobody else is touched, so that it can be
  run again and again.
  `, [
  ...register("dr"),
  call("publiccloud getDoctor", "Without a prekey she has no card yet", { ...card, refused: "not-found" }),
  prekey("first", "Her first prekey is prepared"),
  send(put, "first", "Her first prekey is published", signed),
  published("Her first prekey is handed out", "first"),
  call("publiccloud getDoctor", "Now she has a card", {
    ...card,
    test() {
      const answer = pm.response.json();
      pm.test("with her credential, her certificate and this prekey", () => {
        pm.expect(credentialOf(bytesOf(answer.credential)).hash).to.equal(pm.collectionVariables.get("throwawayDoctor"));
        pm.expect(answer.certificate).to.equal(pm.collectionVariables.get("certificate.dr"));
        pm.expect(answer.prekey).to.equal(pm.collectionVariables.get("m.first"));
      });
    },
  }),
  call("patientagent verifyCard", "A patient's device verifies it", {
    body: link,
    test() {
      pm.test("it is she", () => pm.expect(pm.response.json().name).to.equal("Nora Throwaway"));
    },
  }),
  prekey("second", "Her next prekey is prepared"),
  send(put, "second", "The prekey rotates: the next one replaces the first", signed),
  published("Her next prekey is handed out", "second"),
  send(put, "first", "The first does not come back", { member: "signed", refused: "conflict" }),
  published("The next one is still handed out", "second"),
  listed("Before her revocation she is not on the list", false),
  call("publiccloud revokeCredential", "The operator revokes her credential", { body: { credential: "{{throwawayDoctor}}" } }),
  listed("The signed revocation list has her", true),
  call("publiccloud revokeCredential", "Revoked once more, it changes nothing", { body: { credential: "{{throwawayDoctor}}" } }),
  listed("She stands on the list once", true),
  call("publiccloud getDoctor", "She has no card any more", { ...card, refused: "not-found" }),
  call("publiccloud getPrekey", "Nor a prekey", { path: { owner: "{{throwawayDoctor}}" }, refused: "not-found" }),
  prekey("third", "Another prekey of hers is prepared"),
  send(put, "third", "A revoked doctor publishes no prekey", { member: "signed", refused: "refused" }),
  call("patientagent verifyCard", "No patient's device takes her for a doctor", { body: link, refused: "not-found" }),
  call("publiccloud getDoctor", "The doctor of the demonstration is as she was", { path: { credential: "{{doctorCredential}}" } }),
]);
