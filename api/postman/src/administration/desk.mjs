import { call, folder } from "../lib/author.mjs";
import { tokenCases } from "../lib/tokens.mjs";

const mrn = "postman-{{newPatient}}";

export default folder("2 · The hospital's desk", `
  A patient shows an identity document at the desk and gets a one-time code, with which her device links her
  to her record (protocol.md, section 8). The token's scope is \`admin\`.
  `, [
  call("privateadmin createDeskCode", "A code for a record", {
    body: { mrn },
    test() {
      pm.collectionVariables.set("deskCode", pm.response.json().code);
    },
  }),
  call("privateadmin createDeskCode", "Every code is another", {
    body: { mrn },
    test() {
      pm.test("it is not the one before", () => pm.expect(pm.response.json().code).to.not.equal(pm.collectionVariables.get("deskCode")));
    },
  }),
  call("privateadmin createDeskCode", "A code for a number that the hospital does not know", { body: { mrn: "nobody-{{newPatient}}" }, refused: "not-found" }),
  call("privateadmin createDeskCode", "A code without a number", { body: {}, refused: "invalid" }),
  call("privateadmin createDeskCode", "A code for an empty number", { body: { mrn: "" }, refused: "invalid" }),
  call("privateadmin createDeskCode", "A code with a member that nobody knows", { body: { mrn, name: "x" }, refused: "invalid" }),
  call("privateadmin createDeskCode", "A code for a number twice", { body: `{"mrn":"a","mrn":"b"}`, refused: "invalid" }),
  call("privateadmin createDeskCode", "A code asked for in plain text", { body: { mrn }, sends: "text/plain", refused: "unsupported-media-type" }),
  call("privateadmin createDeskCode", "Codes cannot be asked for again", { method: "GET", refused: "method-not-allowed" }),
  ...tokenCases("privateadmin createDeskCode", "A code", { body: { mrn }, wrongScope: "importToken", otherService: "operatorToken", expired: "expiredAdminToken" }),
]);
