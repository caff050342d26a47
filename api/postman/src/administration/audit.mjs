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
    says: "The request is repeated until it has read the last page.",
    test() {
      const { entries } = pm.response.json();
      const from = Number(pm.collectionVariables.get("auditFrom"));

      pm.test("the entries are numbered without gaps, and in the order of time", () => {
        entries.forEach((e, i) => {
          pm.expect(e.number).to.equal(from + i);
          if (i) pm.expect(Date.parse(e.time)).to.be.at.least(Date.parse(entries[i - 1].time) - 1000);
        });
        pm.expect(new Set(entries.map((e) => e.hash)).size).to.equal(entries.length);
      });
      pm.test("it holds no medical record number", () => pm.expect(pm.response.text()).to.not.include("postman-"));

      const requests = ["deskRequest", "importRequest", "dryRunRequest"].map((kept) => pm.collectionVariables.get(kept));
      const ours = trailOf((e) => requests.includes(e.request));
      if (ours) {
        pm.test("the import of this run stands in it with its three resources, the desk code too, and the dry run does not", () => {
          pm.expect(ours.map((e) => [e.event, e.count])).to.eql([["imported", 3], ["desk code", undefined]]);
        });
      }
    },
  }),
  call("privateadmin getAudit", "The trail two by two", {
    query: { limit: 2 },
    test() {
      const { entries, next } = pm.response.json();
      pm.test("two entries, and a cursor to what follows", () => {
        pm.expect(entries.map((e) => e.number)).to.eql([1, 2]);
        pm.expect(next).to.be.a("string");
      });
      pm.collectionVariables.set("cursor", next);
    },
  }),
  call("privateadmin getAudit", "What follows", {
    query: { limit: 2, cursor: "{{cursor}}" },
    test() {
      pm.test("the next two", () => pm.expect(pm.response.json().entries.map((e) => e.number)).to.eql([3, 4]));
    },
  }),
  call("privateadmin getAudit", "A cursor that nobody gave out", { query: { cursor: "yesterday" }, refused: "invalid" }),
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
