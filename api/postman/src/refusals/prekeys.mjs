import { call, folder } from "../lib/author.mjs";
import { makers, malformed, prepare, send, spoiled, changes } from "../shared/steps.mjs";
import { challenge, register, registration } from "../shared/throwaway.mjs";

const operation = "publiccloud putPrekey";
const signed = { member: "signed" };
const prekey = (more = {}) => ({ step: "prekey", doctor: "{{h.dr}}", ...more });

// current proves which prekey is published.
const current = (title, same) => call("publiccloud getPrekey", title, {
  path: { owner: "{{throwawayDoctor}}" }, consts: { same },
  test() {
    pm.test("it is the one that was taken", () => pm.expect(pm.response.json().signed).to.equal(pm.collectionVariables.get(`m.${same}`)));
  },
});

export default folder("6 · Public cloud: a doctor's registration, and prekeys", `
  A doctor is admitted by the medical authority's certificate, once; again, she renews what she has, with both of its
  secrets. Her prekeys are signed by the key in her registered
  credential; one that has ended, or that begins before the one stored, does not replace it.
  `, [
  ...register("dr"),
  send("publiccloud register", "dr", "The same registration of a doctor again: her licence is taken", { refused: "conflict" }),
  challenge("Another challenge for the same doctor"),
  prepare(makers.doctor, "dr.twice", "The same doctor is prepared once more", registration("dr")),
  send("publiccloud register", "dr.twice", "It renews her credential"),
  send("publiccloud register", "dr.twice", "The same renewal again", { refused: "refused" }),
  call("publiccloud getDoctor", "Without a prekey she has no card", { path: { credential: "{{throwawayDoctor}}" }, refused: "not-found" }),
  prepare(makers.doctor, "prekey", "A prekey of hers is prepared", prekey()),
  spoiled(operation, "prekey", `A prekey ${changes.tag[0]}`, changes.tag[1], "refused", signed),
  spoiled(operation, "prekey", "A prekey of another owner", function () {
    bytes[48] ^= 1; // in c_X
  }, "refused", signed),
  spoiled(operation, "prekey", `A prekey ${changes.short[0]}`, changes.short[1], "invalid", signed),
  call("publiccloud getPrekey", "None of them is published", { path: { owner: "{{throwawayDoctor}}" }, refused: "not-found" }),
  send(operation, "prekey", "The prekey as it was prepared is published", { ...signed, test: nothing }),
  current("It is the one that is handed out", "prekey"),
  prepare(makers.doctor, "prekey.older", "A prekey from ten minutes before is prepared", prekey({ time: -600000 })),
  send(operation, "prekey.older", "A prekey that begins before the one stored", { ...signed, refused: "conflict" }),
  prepare(makers.doctor, "prekey.over", "A prekey that has ended is prepared", prekey({ time: -100000000 })),
  send(operation, "prekey.over", "A prekey that has ended", { ...signed, refused: "stale" }),
  current("The prekey is unchanged", "prekey"),
  malformed(operation, "Prekey", { member: "signed", limit: 4 << 10 }),
  current("And is unchanged after those, too", "prekey"),
]);

function nothing() {}
