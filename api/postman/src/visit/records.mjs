import { call, folder } from "../lib/author.mjs";

export default folder("5 · The doctor searches and fetches the record (M4-M9)", `
  **Authorisation by the public cloud, Eq. 25-32.** In **M4** the doctor shows the public cloud the consent
  without the patient's name, with one signature for each locator. The public cloud checks her certificate,
  the consent's time, revocations and how often it was used, counts this use, and answers in **M5** with the
  sealed index entries and a ticket, Sig_C, good for five minutes.

  **Doctor-hospital authentication, Eq. 33-44.** With every hospital found she makes a session: **M6** and
  **M7** carry R_D3 and R_HPC2, both signed, and prove the same key SEK_2.

  **Release, Eq. 45-48.** **M8** shows the hospital the part of the consent that speaks of records, and the
  ticket. It checks everything again by itself, selects what the patient grants *here*, writes a numbered
  receipt and its audit line, and only then sends the pages of **M9**; the last one holds Sig_HPC2 over all.
  The doctor's agent shows nothing before that signature holds.
  `, [
  call("doctoragent fetchRecords", "Search, and fetch from all hospitals", {
    path: { visit: "{{visit}}" },
    body: {},
    says: "It returns at once; the next request shows the progress. A filter in the body would narrow it.",
    test() {
      pm.test("the search runs", () => pm.expect(pm.response.json().search.state).to.be.oneOf(["running", "done"]));
    },
  }),
  call("doctoragent getVisit", "Progress at each hospital, until it is done", {
    path: { visit: "{{visit}}" },
    until(visit) {
      return visit.search.state !== "running";
    },
    test() {
      const visit = pm.response.json();
      const withheld = pm.environment.get("withheldClass");
      const grants = JSON.parse(pm.collectionVariables.get("grants"));

      pm.test("the search is done and used the consent once", () => {
        pm.expect(visit.search.state, visit.search.reason).to.equal("done");
        pm.expect(visit.consent.uses).to.equal(1);
      });
      pm.test("every hospital that the consent names released something, verified by its signature", () => {
        pm.expect(visit.hospitals.map((h) => h.hospital).sort()).to.eql(grants.map((g) => g.hospital).sort());
        for (const h of visit.hospitals) {
          pm.expect(h.state, h.reason).to.equal("verified");
          pm.expect(h.resources).to.be.above(0);
          pm.expect(h.page).to.equal(h.pages);
          pm.expect(h.receipt).to.be.above(0);
        }
      });
      pm.test("nobody was asked for more than what is granted there", () => {
        for (const h of visit.hospitals) {
          const grant = grants.find((g) => g.hospital === h.hospital);
          pm.expect(grant.classes).to.include.members(h.classes);
          pm.expect(grant.departments).to.include.members(h.departments);
        }
      });
      pm.test(`no release covers ${withheld}`, () => visit.hospitals.forEach((h) => pm.expect(h.classes).to.not.include(withheld)));
      pm.collectionVariables.set("released", JSON.stringify(visit.hospitals));
    },
  }),
  call("doctoragent cancelFetch", "There is no search to stop any more", { path: { visit: "{{visit}}" }, refused: "conflict" }),
  call("doctoragent listRecords", "The resources received, by hospital", {
    path: { visit: "{{visit}}" },
    test() {
      const { records } = pm.response.json();
      const released = JSON.parse(pm.collectionVariables.get("released"));

      pm.test("what came from each hospital is what it counted, and all of it is here", () => {
        for (const h of released) pm.expect(records.filter((r) => r.hospital === h.hospital).length).to.equal(h.resources);
        pm.expect(records.length).to.equal(released.reduce((sum, h) => sum + h.resources, 0));
      });
      pm.test("they are numbered from 1", () => pm.expect(records.map((r) => r.record)).to.eql(records.map((_, i) => i + 1)));
      pm.collectionVariables.set("records", JSON.stringify(records));
    },
  }),
  call("doctoragent getRecord", "One resource, byte for byte", {
    path: { visit: "{{visit}}", record: "1" },
    says: "As its hospital imported it: not a byte is changed on the way.",
    test() {
      const [first] = JSON.parse(pm.collectionVariables.get("records"));
      pm.test("it is the first of the list, in its full length", () => {
        const resource = pm.response.json();
        pm.expect(resource.resourceType).to.equal(first.type);
        pm.expect(resource.id).to.equal(first.id);
        pm.expect(pm.response.size().body || pm.response.text().length).to.be.at.least(pm.response.text().length);
        pm.expect(unescape(encodeURIComponent(pm.response.text())).length).to.equal(first.bytes);
      });
    },
  }),
  call("doctoragent getRecord", "A number that is not in the list", {
    path: { visit: "{{visit}}", record: "1000000" },
    refused: "not-found",
  }),
  call("doctoragent downloadRecords", "All of them, and none of the class that she kept back", {
    path: { visit: "{{visit}}" },
    says: `
      One JSON object a line with the resource's exact bytes in base64url. The script puts every resource in
      its class by the signed class rules: what the patient kept back is not among them, although her own
      record has it.
      `,
    test() {
      const withheld = pm.environment.get("withheldClass");
      const rules = JSON.parse(pm.collectionVariables.get("classRules"));
      const own = JSON.parse(pm.collectionVariables.get("ownRecord"));
      const lines = pm.response.text().trim().split("\n").map((line) => JSON.parse(line));
      const resources = lines.map((line) => JSON.parse(textOf(bytesOf(line.data))));

      pm.test("they are the resources of the list", () => {
        const list = JSON.parse(pm.collectionVariables.get("records"));
        pm.expect(lines.map(({ data, ...rest }) => rest)).to.eql(list);
        lines.forEach((line, i) => {
          pm.expect(bytesOf(line.data).length).to.equal(line.bytes);
          pm.expect(resources[i].resourceType).to.equal(line.type);
        });
      });
      pm.test(`none is of the class ${withheld}`, () => {
        pm.expect(resources.filter((r) => classOf(rules, r) === withheld).length).to.equal(0);
      });
      pm.test("each is of a class that is granted at its hospital", () => {
        const grants = JSON.parse(pm.collectionVariables.get("grants"));
        resources.forEach((r, i) => {
          pm.expect(grants.find((g) => g.hospital === lines[i].hospital).classes).to.include(classOf(rules, r));
        });
      });
      pm.test("what came from the hospital that holds that class stands in her own record there, which is longer", () => {
        const there = lines.filter((line) => line.hospital === pm.collectionVariables.get("holder"));
        pm.expect(own).to.include.members(there.map((line) => `${line.type}/${line.id}`));
        pm.expect(there.length).to.be.below(own.length);
      });
    },
  }),
]);
