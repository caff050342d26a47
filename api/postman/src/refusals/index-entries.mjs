import { call, folder } from "../lib/author.mjs";
import { changed, makers, malformed, opened, prepare, send } from "../shared/steps.mjs";

const operation = "publiccloud writeIndexEntry";

export default folder("4 · Public cloud: index entries", `
  A hospital writes what it holds in a department under a locator that only the patient and those whom she allows can
  derive, sealed, always 552 bytes. Times rise strictly for one locator and hospital, so that nobody can put an old
  entry in the place of a newer one. The entries of these tests lie under locators of no patient.
  `, [
  prepare(makers.hospital, "idx", "An index write of the hospital is prepared", {}),
  ...changed(operation, "idx", "An index write"),
  send("publiccloud search", "idx", "An index write sent to where one searches", { refused: "invalid" }),
  prepare(makers.hospital, "idx.stale", "An index write from a minute ago is prepared", { time: -60000 }),
  send(operation, "idx.stale", "An index write from a minute ago", { refused: "stale" }),
  prepare(makers.hospital, "idx.future", "An index write from the future is prepared", { time: 60000 }),
  send(operation, "idx.future", "An index write from the future", { refused: "stale" }),
  send(operation, "idx", "The index write as it was prepared is taken", {
    says: "If one of the changed ones had been stored, this older one would be a conflict.",
  }),
  opened(makers.hospital, "idx", "The public cloud's receipt holds (Sig_C2)", "M12R"),
  send(operation, "idx", "The same index write again", { refused: "refused" }),
  prepare(makers.hospital, "idx.older", "An older entry is prepared", { handle: "{{h.idx}}", entryTime: -60000 }),
  send(operation, "idx.older", "An entry older than the one stored", { refused: "conflict" }),
  prepare(makers.hospital, "idx.next", "The next entry is prepared", { handle: "{{h.idx}}" }),
  send(operation, "idx.next", "The next entry is taken", {
    says: "What was refused stands nowhere: the entry follows the first one.",
  }),
  opened(makers.hospital, "idx.next", "Its receipt holds too", "M12R"),
  call("patientagent listHospitals", "The patient's own entries are what they were", {
    test() {
      pm.test("nothing was written under her locators that is not her hospitals'", () => pm.expect(pm.response.json().ignoredEntries).to.equal(0));
    },
  }),
  malformed(operation, "Index entry"),
]);
