import { call, folder } from "../lib/author.mjs";
import { makers, prepare, send, uses } from "../shared/steps.mjs";

export default folder("14 · Afterwards", `
  Everything works as before, and what these tests opened is closed.
  `, [
  uses("other", 1, "The other consent was used by its one session"),
  uses("nothing", 0, "The consent that grants nothing was never used"),
  call("publiccloud createPatientCode", "A code for a registration that comes too late", {
    test() {
      pm.collectionVariables.set("codeLate", pm.response.json().code);
    },
  }),
  prepare(makers.patient, "m0.late", "A registration with the challenge from the beginning is prepared", { step: "M0", code: "{{codeLate}}", challenge: "{{oldChallenge}}" }, {
    before() {
      // A challenge is fresh for 30 s.
      setTimeout(() => {}, Math.max(0, Number(pm.collectionVariables.get("oldChallengeTime")) + 31000 - Date.now()));
    },
  }),
  send("publiccloud register", "m0.late", "A challenge is fresh for 30 seconds", { refused: "stale" }),
  call("publiccloud revokeCredential", "The throwaway patient is revoked", { body: { credential: "{{throwaway}}" } }),
  call("publiccloud revokeCredential", "The throwaway doctor is revoked", { body: { credential: "{{throwawayDoctor}}" } }),
  call("patientagent revoke", "The first consent is revoked", { path: { consent: "{{consent.main}}" } }),
  call("patientagent revoke", "The other consent is revoked", { path: { consent: "{{consent.other}}" } }),
  call("doctoragent listVisits", "The visits of these tests are closed", {
    says: "One after the other: the request is repeated until none of them is left.",
    test() {
      const names = ["main", "other", "nothing", "once", "revoked", "short", "elsewhere", "ended", "brief", "readonly", "c1"];
      const ours = names.map((name) => pm.collectionVariables.get(`consent.${name}`));
      const left = pm.response.json().visits.filter((v) => v.state !== "closed" && v.consent && ours.includes(v.consent.hash));
      if (left.length) {
        const url = `${pm.environment.get("doctorAgent")}/v1/visits/${left[0].id}/close`;
        pm.sendRequest({ url, method: "POST", header: { Authorization: `Bearer ${pm.environment.get("doctorToken")}` } }, (err, response) => {
          pm.test(`visit ${left[0].id} is closed`, () => pm.expect(response.json().state).to.equal("closed"));
        });
        pm.execution.setNextRequest(pm.info.requestName);
      }
    },
  }),
]);
