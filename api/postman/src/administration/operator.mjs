import { call, folder } from "../lib/author.mjs";
import { tokenCases } from "../lib/tokens.mjs";

const nobody = "00".repeat(32);
const tokens = { otherService: "adminToken", expired: "expiredOperatorToken" };

export default folder("4 · The public cloud's operator", `
  The operator's desk admits patients with single-use codes and revokes credentials, with a bearer token of the
  scope \`operator\`.
  `, [
  call("publiccloud createPatientCode", "A patient's registration code", {
    test() {
      const { code, expires } = pm.response.json();
      pm.test("it has 20 characters, 100 bits, and an end", () => {
        pm.expect(code.replace(/-/g, "")).to.match(/^[A-Z0-9]{20}$/);
        pm.expect(Date.parse(expires)).to.be.above(Date.now());
      });
      pm.collectionVariables.set("patientCode", code);
    },
  }),
  call("publiccloud createPatientCode", "Every registration code is another", {
    test() {
      pm.test("it is not the one before", () => pm.expect(pm.response.json().code).to.not.equal(pm.collectionVariables.get("patientCode")));
    },
  }),
  call("publiccloud createPatientCode", "A code asked for under a key", {
    headers: { "Idempotency-Key": "{{key}}" },
    says: "A write may carry an `Idempotency-Key`: sent again, because its answer was lost, it does nothing anew.",
    before() {
      pm.collectionVariables.set("key", pm.variables.replaceIn("{{$guid}}"));
    },
    test() {
      pm.collectionVariables.set("patientCode", pm.response.json().code);
    },
  }),
  call("publiccloud createPatientCode", "The same under the same key is answered as the first time", {
    headers: { "Idempotency-Key": "{{key}}" },
    test() {
      pm.test("it is the same code", () => pm.expect(pm.response.json().code).to.equal(pm.collectionVariables.get("patientCode")));
    },
  }),
  call("publiccloud createPatientCode", "A key that is too short", { headers: { "Idempotency-Key": "short" }, refused: "invalid" }),
  ...tokenCases("publiccloud createPatientCode", "A registration code", tokens),
  call("publiccloud revokeCredential", "A credential that was never issued cannot be revoked", { body: { credential: nobody }, refused: "not-found" }),
  call("publiccloud revokeCredential", "A revocation without a credential", { body: {}, refused: "invalid" }),
  call("publiccloud revokeCredential", "A revocation of what is no hash", { body: { credential: "XYZ" }, refused: "invalid" }),
  call("publiccloud revokeCredential", "A revocation in plain text", { body: { credential: nobody }, sends: "text/plain", refused: "unsupported-media-type" }),
  call("publiccloud getDoctor", "Before the attempts the doctor has a card", {
    path: { credential: "{{doctorCredential}}" },
    before() {
      // Her credential is asked for at her agent, so that this folder can be run alone.
      const url = `${pm.environment.get("doctorAgent")}/v1/doctor`;
      pm.sendRequest({ url, header: { Authorization: `Bearer ${pm.environment.get("doctorToken")}` } }, (err, response) => {
        pm.collectionVariables.set("doctorCredential", response.json().credential);
      });
    },
  }),
  ...tokenCases("publiccloud revokeCredential", "A revocation of the doctor", { body: { credential: "{{doctorCredential}}" }, ...tokens }),
  call("publiccloud getDoctor", "After them she has it still", { path: { credential: "{{doctorCredential}}" } }),
  call("publiccloud getRevocations", "And is not on the revocation list", {
    test() {
      const revoked = fieldsOf("hashes", statementOf("revocations", pm.response.json().signed)[1]).map(hexOf);
      pm.test("she is not on it", () => pm.expect(revoked).to.not.include(pm.collectionVariables.get("doctorCredential")));
    },
  }),
]);
