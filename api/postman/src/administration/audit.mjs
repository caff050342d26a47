import { call, folder } from "../lib/author.mjs";
import { tokenCases } from "../lib/tokens.mjs";

export default folder("3 · The audit trail", `
  Everything that a hospital released, stored or refused is written down before the answer leaves, sealed, in a
  hash chain under a key of the hospital. It is checked when it is read: a chain that does not hold is an error,
  never a shorter answer. An entry names the request that it is about by the id which its answer carried in
  \`X-Request-Id\`.
  `, [
  call("privateadmin createDeskCode", "Something that will stand in the trail", {
    body: { mrn: "postman-{{newPatient}}" },
    kept: "deskRequest",
    test() {
      pm.collectionVariables.set("auditFrom", 1);
    },
  }),
  call("privateadmin getAudit", "The whole trail, page by page", {
    query: { from: "{{auditFrom}}" },
    says: "Up to 1000 entries from a number. The request is repeated until it has read the last page.",
    test() {
      const { entries } = pm.response.json();
      const from = Number(pm.collectionVariables.get("auditFrom"));

      pm.test("the entries are numbered without gaps, and in the order of time", () => {
        entries.forEach((e, i) => {
          pm.expect(e.number).to.equal(from + i);
          if (i) pm.expect(e.time).to.be.at.least(entries[i - 1].time - 1000);
        });
        pm.expect(new Set(entries.map((e) => e.hash)).size).to.equal(entries.length);
      });
      if (entries.length === 1000) {
        pm.collectionVariables.set("auditFrom", from + 1000);
        pm.execution.setNextRequest(pm.info.requestName);
      } else {
        const of = (kept) => entries.filter((e) => e.request === pm.collectionVariables.get(kept));
        pm.test("the desk code stands in it, without the code and without the patient's number", () => {
          pm.expect(of("deskRequest").map((e) => e.event)).to.eql(["desk code"]);
          pm.expect(JSON.stringify(entries)).to.not.include("postman-");
        });
        pm.test("the import of this run stands in it with its three resources, and the dry run does not", () => {
          pm.expect(of("importRequest").map((e) => [e.event, e.count])).to.eql([["imported", 3]]);
          pm.expect(of("dryRunRequest")).to.eql([]);
        });
      }
    },
  }),
  call("privateadmin getAudit", "Behind its end there is nothing", {
    query: { from: 1000000000 },
    test() {
      pm.test("no entries", () => pm.expect(pm.response.json().entries).to.eql([]));
    },
  }),
  call("privateadmin getAudit", "There is no entry 0", { query: { from: 0 }, refused: "invalid" }),
  call("privateadmin getAudit", "A place in the trail that is no number", { query: { from: "yesterday" }, refused: "invalid" }),
  call("privateadmin getAudit", "Nobody writes into the trail", { method: "POST", body: {}, refused: "method-not-allowed" }),
  ...tokenCases("privateadmin getAudit", "The trail", { wrongScope: "importToken", otherService: "operatorToken", expired: "expiredAdminToken" }),
]);
