import { call, folder } from "../lib/author.mjs";

export default folder("7 · The patient sees who saw what, and ends it", `
  **What the patient asks by herself.** The public cloud tells her, signed, how often a consent was used; it
  knows her by her locators only. The hospitals number their releases without gaps and sign their answers: a
  list that leaves one out is noticed. A revocation holds from the moment it is answered.
  `, [
  call("patientagent listConsents", "What she has allowed", {
    test() {
      const { consents } = pm.response.json();
      const mine = consents.find((c) => c.consent === pm.collectionVariables.get("consent"));

      pm.test("there is one more than before the visit", () => {
        pm.expect(consents.length).to.equal(Number(pm.collectionVariables.get("consentsBefore")) + 1);
      });
      pm.test("it names the doctor, and grants what the doctor was shown", () => {
        pm.expect(mine.licence).to.equal(pm.collectionVariables.get("doctorLicence"));
        pm.expect(mine.credential).to.equal(pm.collectionVariables.get("doctorCredential"));
        pm.expect(mine.grants).to.have.deep.members(JSON.parse(pm.collectionVariables.get("grants")));
        pm.expect(mine.visit).to.equal(pm.collectionVariables.get("patientVisit"));
      });
      pm.test("it holds", () => pm.expect(mine.revoked).to.equal("no"));
    },
  }),
  call("patientagent listUses", "How often it was used", {
    path: { consent: "{{consent}}" },
    says: "By the public cloud's signed answer. Writing the diagnosis was no use of it.",
    test() {
      const { uses } = pm.response.json();
      pm.test("once, to read, since the visit began", () => {
        pm.expect(uses.length).to.equal(1);
        pm.expect(uses[0].mode).to.equal("read");
        pm.expect(Date.parse(uses[0].time)).to.be.above(Number(pm.collectionVariables.get("began")) - 2000);
      });
    },
  }),
  call("patientagent listReleases", "Who saw what, at each hospital", {
    test() {
      const { complete, hospitals } = pm.response.json();
      const released = JSON.parse(pm.collectionVariables.get("released"));
      const under = (h) => h.releases.filter((r) => r.consent === pm.collectionVariables.get("consent"));
      const there = (id) => hospitals.find((h) => h.hospital === id);

      pm.test("every hospital answered, and no list hides anything", () => {
        pm.expect(complete).to.equal(true);
        hospitals.forEach((h) => pm.expect(h.warnings).to.eql([]));
        hospitals.forEach((h) => pm.expect(h.releases.map((r) => r.number).sort((a, b) => a - b)).to.eql(h.releases.map((_, i) => i + 1)));
      });
      pm.test("each release of this visit is listed with the doctor's licence and what she got", () => {
        for (const h of released) {
          const [read, ...others] = under(there(h.hospital)).filter((r) => r.mode === "read");
          pm.expect(others).to.eql([]);
          pm.expect(read.number).to.equal(h.receipt);
          pm.expect(read.licence).to.equal(pm.collectionVariables.get("doctorLicence"));
          pm.expect(read.doctor).to.equal(pm.collectionVariables.get("doctorName"));
          pm.expect(read.resources).to.equal(h.resources);
          pm.expect(read.department).to.equal(pm.environment.get("department"));
          pm.expect(read.consentKnown).to.equal(true);
        }
      });
      pm.test("none of them covers what she kept back", () => {
        hospitals.flatMap(under).forEach((r) => {
          if (r.mode === "read") pm.expect(r.classes).to.not.include(pm.environment.get("withheldClass"));
        });
      });
      pm.test("the diagnosis is listed where it was written, and nowhere else", () => {
        const written = hospitals.flatMap((h) => under(h).filter((r) => r.mode === "write").map((r) => [h.hospital, r.licence]));
        pm.expect(written).to.eql([[pm.environment.get("hospitalId"), pm.collectionVariables.get("doctorLicence")]]);
      });
      pm.collectionVariables.set("releaseCount", hospitals.flatMap((h) => h.releases).length);
    },
  }),
  call("patientagent listVisits", "Her visits, the newest first", {
    test() {
      const { visits } = pm.response.json();
      pm.test("this one is the first, with what was done under its consent", () => {
        pm.expect(visits[0].id).to.equal(pm.collectionVariables.get("patientVisit"));
        pm.expect(visits[0].activity.map((a) => a.code)).to.include.members(["released", "written"]);
      });
    },
  }),
  call("privateadmin getAudit", "The hospital's audit trail tells the same", {
    says: "The trail is hash-chained; it is opened and checked when it is read. It is read page by page.",
    query: { from: "{{auditFrom}}" },
    before() {
      if (!pm.collectionVariables.get("auditFrom")) pm.collectionVariables.set("auditFrom", 1);
    },
    test() {
      const mine = trailOf((e) => e.consent === pm.collectionVariables.get("consent"));
      if (mine) {
        const receipt = JSON.parse(pm.collectionVariables.get("released")).find((h) => h.hospital === pm.environment.get("hospitalId"));
        pm.test("the release stands in it, with the doctor's licence, the receipt's number and the count", () => {
          const line = mine.find((e) => e.event === "released" && e.receipt === receipt.receipt);
          pm.expect(line.licence).to.equal(pm.collectionVariables.get("doctorLicence"));
          pm.expect(line.count).to.equal(receipt.resources);
          pm.expect(line.patient).to.equal(pm.collectionVariables.get("patientId"));
        });
        pm.test("nothing under this consent was refused", () => mine.forEach((e) => pm.expect(e.event).to.not.equal("refused")));
      }
    },
  }),
  call("patientagent revoke", "She revokes the consent", {
    path: { consent: "{{consent}}" },
    says: "Every hospital that it names and the public cloud for each of its locators are asked. If some do not answer, it can be repeated.",
    test() {
      const revocation = pm.response.json();
      pm.test("it is revoked everywhere", () => {
        pm.expect(revocation.complete, revocation.says).to.equal(true);
        revocation.results.forEach((r) => pm.expect(r.revoked, r.says).to.equal(true));
      });
      pm.test("every hospital of the consent and the public cloud said so", () => {
        pm.expect(revocation.results.map((r) => r.hospital)).to.include.members(JSON.parse(pm.collectionVariables.get("grants")).map((g) => g.hospital));
        pm.expect(revocation.results.filter((r) => r.department).length).to.be.above(0);
      });
    },
  }),
  call("doctoragent fetchRecords", "The doctor tries once more", {
    path: { visit: "{{visit}}" },
    body: {},
    says: "Her agent does not know of the revocation; the public cloud does.",
  }),
  call("doctoragent getVisit", "The public cloud refuses", {
    path: { visit: "{{visit}}" },
    until(visit) {
      return visit.search.state !== "running";
    },
    test() {
      const visit = pm.response.json();
      pm.test("the search failed, because the public cloud refused", () => {
        pm.expect(visit.search.state).to.equal("failed");
        pm.expect(visit.search.reasonCode).to.equal("cloud-refused");
      });
      pm.test("nothing came and nothing was counted", () => {
        pm.expect(visit.consent.uses).to.equal(1);
        pm.expect(visit.hospitals.map((h) => h.resources)).to.eql(JSON.parse(pm.collectionVariables.get("released")).map((h) => h.resources));
      });
    },
  }),
  call("patientagent listUses", "It was not used again", {
    path: { consent: "{{consent}}" },
    test() {
      pm.test("one use, as before", () => pm.expect(pm.response.json().uses.length).to.equal(1));
    },
  }),
  call("patientagent listReleases", "Nothing more was released", {
    test() {
      pm.test("as many releases as before", () => {
        pm.expect(pm.response.json().hospitals.flatMap((h) => h.releases).length).to.equal(Number(pm.collectionVariables.get("releaseCount")));
      });
    },
  }),
  call("patientagent listConsents", "Her list says that it is revoked", {
    test() {
      const mine = pm.response.json().consents.find((c) => c.consent === pm.collectionVariables.get("consent"));
      pm.test("it is revoked", () => pm.expect(mine.revoked).to.equal("yes"));
    },
  }),
  call("doctoragent closeVisit", "The doctor closes the visit", {
    path: { visit: "{{visit}}" },
    says: "The session's keys and the records are dropped; the evidence is kept, sealed.",
    test() {
      pm.test("it is closed", () => pm.expect(pm.response.json().state).to.equal("closed"));
    },
  }),
  call("doctoragent listRecords", "The records are gone", {
    path: { visit: "{{visit}}" },
    test() {
      pm.test("none is left with the doctor", () => pm.expect(pm.response.json().records).to.eql([]));
    },
  }),
]);
