import { call, folder } from "../lib/author.mjs";
import { changes, consents, ifTwo, makers, malformed, opened, prepare, releases, send, session, spoiled, trail, whenOver } from "../shared/steps.mjs";

const operation = "privatecloud release";
const m8 = (name, more = {}) => ({ step: "M8", session: `{{h.${name}}}`, ...more });

// asked prepares and sends an M8 that must be refused.
const asked = (name, from, what, more = {}, o = {}) => [
  prepare(makers.doctor, name, `${what}: prepared`, m8(from, more), o.prepare),
  send(operation, name, what, { refused: "refused", kept: `id.${name}`, ...o.send }),
];

export default folder("9 · Hospital: releases (M8)", `
  Nothing leaves a hospital but under a consent of the patient for this doctor, in its time, not revoked here, with a
  grant for this hospital, and with a ticket by which the public cloud permitted exactly this consent. What was refused
  has no number in the list that the patient reads.
  `, [
  ...asked("m8.stale", "m6", "A request from a minute ago", { time: -60000 }, { send: { refused: "stale" } }),
  ...asked("m8.future", "m6", "A request from the future", { time: 60000 }, { send: { refused: "stale" } }),
  prepare(makers.doctor, "m8", "A request for the record is prepared", m8("m6")),
  send(operation, "m8", "A request sent to another hospital", { at: "otherHospital", refused: "refused", ...ifTwo }),
  send("privatecloud storeDiagnosis", "m8", "A request sent to where diagnoses are stored", { refused: "invalid" }),
  releases("main", { read: 0, write: 0 }, "Nothing has been released yet"),
  send(operation, "m8", "The request as it was prepared is answered (M9)"),
  opened(makers.doctor, "m8", "The last page is signed (Sig_HPC2)", "M9", function () {
    const { page } = pm.response.json();
    pm.test("it is complete and has something", () => {
      pm.expect(page.complete).to.equal(true);
      pm.expect(page.resources).to.be.above(0);
    });
  }, "m6"),
  releases("main", { read: 1, write: 0 }, "One release is listed"),
  send(operation, "m8", "The same request again", { refused: "refused", kept: "id.m8.again" }),
  prepare(makers.doctor, "m8.wide", "A request for a class that is not granted is prepared", m8("m6", { filter: { classes: ["GENETIC"] } })),
  send(operation, "m8.wide", "A filter cannot widen the consent"),
  opened(makers.doctor, "m8.wide", "What is not granted is not there", "M9", function () {
    pm.test("an empty release", () => pm.expect(pm.response.json().page.resources).to.equal(0));
  }, "m6"),
  releases("main", { read: 2, write: 0 }, "The empty release is listed too, the replay is not"),

  ...consents("brief", "A consent for ten seconds", { seconds: 10 }),
  ...session("brief", "A session under the brief consent, in time", "brief"),

  ...session("flip", "A session to be disturbed", "main"),
  prepare(makers.doctor, "m8.flip", "A request in it is prepared", m8("flip")),
  spoiled(operation, "m8.flip", `A request ${changes.tag[0]}`, changes.tag[1], "refused"),
  send(operation, "m8.flip", "A message that does not open has closed its session", { refused: "refused", kept: "id.m8.flip" }),
  releases("main", { read: 2, write: 0 }, "Nothing was released in it"),

  ...session("skip", "The public cloud is skipped: a session with the ticket of another consent", "other", { consent: "main" }),
  ...asked("m8.skip", "skip", "A request that shows the one consent and the other's ticket", { consent: "{{visit.main}}" }),
  ...session("swap", "A session under one consent", "main"),
  ...asked("m8.swap", "swap", "A request that shows another consent than the session's", { consent: "{{visit.other}}" }),
  ...session("write", "A ticket for writing only", "main", { mode: "write" }),
  ...asked("m8.write", "write", "Nothing can be read with a ticket for writing"),
  releases("main", { read: 2, write: 0 }, "Nothing was released under the first consent"),
  releases("other", { read: 0, write: 0 }, "Nor under the other"),

  ...consents("elsewhere", "A consent that names this hospital not at all", { grants: "{{grantsElsewhere}}", writeTo: "" }),
  ...session("elsewhere", "A session under it", "elsewhere"),
  ...asked("m8.elsewhere", "elsewhere", "A hospital releases nothing that is not granted there"),
  releases("elsewhere", { read: 0, write: 0 }, "And lists nothing"),

  ...consents("ended", "A consent that she will revoke in the middle of a visit"),
  ...session("ended", "A session under it, before", "ended"),
  call("patientagent revoke", "She revokes it in the middle of the visit", { path: { consent: "{{consent.ended}}" } }),
  ...asked("m8.ended", "ended", "A hospital releases nothing under a consent that is revoked"),
  releases("ended", { read: 0, write: 0 }, "The revoked consent has no release"),

  ...asked("m8.brief", "brief", "A hospital releases nothing under a consent that is over", {}, { prepare: whenOver("brief") }),
  releases("brief", { read: 0, write: 0 }, "The consent that is over has no release"),

  trail("Each refusal stands in the audit trail with its reason", "M8",
    ["m8.again", "m8.skip", "m8.swap", "m8.write", "m8.elsewhere", "m8.ended", "m8.brief"]),
  malformed(operation, "Release"),
]);
