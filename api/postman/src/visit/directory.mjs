import { call, folder } from "../lib/author.mjs";

export default folder("1 · What the public cloud publishes", `
  **Initialisation.** The public cloud has drawn its master secret s and published PK = sP and its
  signing key PUK_C. Everybody pins these two; everything else that it publishes is signed by PRK_C and
  can be checked by anybody: the parameters with the code lists, the directory of the hospitals, the
  revocation list, its prekeys. The log of registrations is a hash chain.

  The binary answers are the protocol's canonical bytes, ⟨label: field, field, ..⟩, in base64url. The
  scripts take them apart, so that you see what is in them: \`fieldsOf\` in the test script is all it
  takes (api/doc/protocol.md, section 3).
  `, [
  call("publiccloud getParameters", "The public parameters", {
    says: `
      ⟨params: ID_PC, PK, PUK_C, suites, ΔT, δ, departments, classes, class rules, T⟩. The class rules say
      to which record class a FHIR resource belongs: patient, doctor and hospital must mean the same by a
      word. They are kept here for the test that the withheld class is not among the records.
      `,
    test() {
      const [id, pk, pukC, suites, past, future, departments, classes, rules, time] = statementOf("params", pm.response.json().signed);
      const list = (bytes) => fieldsOf("list", bytes).map(textOf);

      pm.test("they are this public cloud's, and new", () => {
        pm.expect(textOf(id)).to.equal(pm.environment.get("cloudId"));
        pm.expect(Math.abs(Date.now() - numberOf(time))).to.be.below(24 * 3600 * 1000);
      });
      pm.test("PK and PUK_C have 32 bytes each, and a suite is offered", () => {
        pm.expect(pk.length).to.equal(32);
        pm.expect(pukC.length).to.equal(32);
        pm.expect(suites.length).to.be.above(0);
      });
      pm.test("messages may be 30 s old and 2 s ahead", () => {
        pm.expect(numberOf(past)).to.equal(30000);
        pm.expect(numberOf(future)).to.equal(2000);
      });
      pm.test("the department of this visit and the class that is kept back are on the lists", () => {
        pm.expect(list(departments)).to.include(pm.environment.get("department"));
        pm.expect(list(classes)).to.include(pm.environment.get("withheldClass"));
      });

      const table = fieldsOf("list", rules).map((rule) => fieldsOf("class rule", rule).map(textOf));
      pm.test("every rule names a class of the list", () => {
        pm.expect(table.length).to.be.above(0);
        table.forEach((rule) => pm.expect(list(classes)).to.include(rule[3]));
      });
      pm.collectionVariables.set("classRules", JSON.stringify(table));
    },
  }),
  call("publiccloud getDirectory", "The directory of the hospitals", {
    says: `
      ⟨directory: T, Cred_HPC\\*⟩. A hospital's address stands in its credential, which the public cloud has
      signed: nobody ever speaks to another one.
      `,
    test() {
      const [time, list] = statementOf("directory", pm.response.json().signed);
      const hospitals = fieldsOf("list", list).map(credentialOf);

      pm.test("it is new", () => pm.expect(Math.abs(Date.now() - numberOf(time))).to.be.below(3600 * 1000));
      pm.test("every hospital stands in it, with the role of a hospital", () => {
        pm.expect(hospitals.length).to.equal(Number(pm.environment.get("hospitalCount")));
        hospitals.forEach((h) => pm.expect(h.role).to.equal("HPC"));
      });
      pm.test("the doctor's hospital stands in it with its address", () => {
        const home = hospitals.find((h) => h.id === pm.environment.get("hospitalId"));
        pm.expect(textOf(home.attribute)).to.equal(pm.environment.get("hospital"));
        pm.collectionVariables.set("hospitalCredential", home.hash);
      });
      pm.collectionVariables.set("hospitals", JSON.stringify(hospitals.map((h) => h.id)));
    },
  }),
  call("publiccloud getParameters", "The ETag of the parameters", {
    test() {
      pm.collectionVariables.set("etag", pm.response.headers.get("ETag"));
    },
  }),
  call("publiccloud getParameters", "What has not changed is not sent again", {
    headers: { "If-None-Match": "{{etag}}" }, status: 304,
    says: "Whoever has the published statement asks with its ETag.",
  }),
  call("portal relayDirectory", "The same directory, through the doctor portal", {
    says: "A doctor's browser reaches the public cloud through her portal. The statement is signed: the portal cannot change it.",
    test() {
      const [, list] = statementOf("directory", pm.response.json().signed);
      pm.test("the same hospitals", () => {
        pm.expect(fieldsOf("list", list).map((c) => credentialOf(c).id)).to.eql(JSON.parse(pm.collectionVariables.get("hospitals")));
      });
    },
  }),
  call("portal relayParameters", "The same parameters, through the doctor portal", {
    test() {
      pm.test("of the same public cloud", () => {
        pm.expect(textOf(statementOf("params", pm.response.json().signed)[0])).to.equal(pm.environment.get("cloudId"));
      });
    },
  }),
  call("publiccloud getRevocations", "The revocation list", {
    says: "⟨revocations: T, c_X\\* sorted⟩, whole. A client refuses a list that is older than two hours.",
    test() {
      const [time, list] = statementOf("revocations", pm.response.json().signed);
      const revoked = fieldsOf("hashes", list).map(hexOf);

      pm.test("it is not older than two hours", () => pm.expect(Date.now() - numberOf(time)).to.be.below(2 * 3600 * 1000));
      pm.test("it is sorted and names nobody twice", () => pm.expect(revoked).to.eql([...new Set(revoked)].sort()));
      pm.test("the doctor's hospital is not on it", () => pm.expect(revoked).to.not.include(pm.collectionVariables.get("hospitalCredential")));
    },
  }),
  call("portal relayRevocations", "The same list, through the doctor portal", {
    test() {
      pm.test("it is not older than two hours", () => {
        pm.expect(Date.now() - numberOf(statementOf("revocations", pm.response.json().signed)[0])).to.be.below(2 * 3600 * 1000);
      });
    },
  }),
  call("publiccloud getSuccessions", "The successions of the public cloud's root", {
    says: `
      ⟨succession: ID_PC, number, PK_old, PUK_C_old, PK_new, PUK_C_new, from, until⟩ under the signatures of both keys.
      The list is empty as long as the public cloud has its first root.
      `,
    test() {
      const statements = pm.response.json().successions.map((s) => fieldsOf("succession", fieldsOf("succession signed", bytesOf(s))[0]));
      pm.test("each is of this public cloud", () => statements.forEach((s) => pm.expect(textOf(s[0])).to.equal(pm.environment.get("cloudId"))));
      pm.test("each takes over from the one before", () =>
        statements.slice(1).forEach((s, i) => pm.expect(hexOf(s[2])).to.equal(hexOf(statements[i][4]))));
    },
  }),
  call("portal relaySuccessions", "The same successions, through the doctor portal", {
    test() {
      pm.test("a list", () => pm.expect(pm.response.json().successions).to.be.an("array"));
    },
  }),
  call("publiccloud getPrekey", "The hospital's prekey", {
    path: { owner: "{{hospitalCredential}}" },
    says: `
      ⟨prekey: suite, c_X, HPKE key, not-before, not-after⟩, signed by its owner. What is sent to the
      hospital first (M6) is sealed to it. It holds for 24 hours at most, and its private half is erased
      after that: who steals the hospital's keys later reads nothing of before.
      `,
    test() {
      const [suite, owner, , begins, ends] = statementOf("prekey", pm.response.json().signed);
      pm.test("it is the hospital's", () => pm.expect(hexOf(owner)).to.equal(pm.collectionVariables.get("hospitalCredential")));
      pm.test("it is of a known suite", () => pm.expect(numberOf(suite)).to.be.oneOf([1, 2]));
      pm.test("it holds now, and for 24 hours at most", () => {
        pm.expect(numberOf(begins)).to.be.at.most(Date.now() + 2000);
        pm.expect(numberOf(ends)).to.be.above(Date.now());
        pm.expect(numberOf(ends) - numberOf(begins)).to.be.at.most(24 * 3600 * 1000);
      });
      pm.collectionVariables.set("suite", numberOf(suite));
    },
  }),
  call("publiccloud getPrekey", "The public cloud's own prekey", {
    path: { owner: "cloud" },
    query: { suite: "{{suite}}" },
    says: "Searches (M4) and the entries of diagnoses (M12) are sealed to it.",
    test() {
      const [suite, , , begins, ends] = statementOf("prekey", pm.response.json().signed);
      pm.test("it is of the suite that was asked for", () => pm.expect(numberOf(suite)).to.equal(Number(pm.collectionVariables.get("suite"))));
      pm.test("it holds now", () => {
        pm.expect(numberOf(begins)).to.be.at.most(Date.now() + 2000);
        pm.expect(numberOf(ends)).to.be.above(Date.now());
      });
    },
  }),
  call("publiccloud getLog", "The log of registrations", {
    query: { from: 0 },
    says: `
      One line for each credential that was ever issued, each holding the hash of the one before: H⟨log:
      index, c_X, role, T, previous⟩. Whoever reads all of it sees if the public cloud made a credential
      in somebody's name. The script computes every hash anew.
      `,
    test() {
      const { entries } = pm.response.json();
      const bytes = (number, n) => Array.from({ length: n }, (_, i) => Math.floor(number / 256 ** (n - 1 - i)) % 256);
      const raw = (hex) => hex.match(/../g).map((b) => parseInt(b, 16));
      const utf8 = (text) => [...text].map((c) => c.charCodeAt(0));
      const encoded = (label, fields) => [label.length, ...utf8(label), ...bytes(fields.length, 2), ...fields.flatMap((f) => [...bytes(f.length, 4), ...f])];

      pm.test("each line is chained to the one before", () => {
        let previous = "0".repeat(64);
        entries.forEach((e, i) => {
          pm.expect(e.index).to.equal(i);
          pm.expect(e.previous).to.equal(previous);
          previous = sha256Of(encoded("log", [bytes(e.index, 8), raw(e.credential), utf8(e.role), bytes(Date.parse(e.time), 8), raw(e.previous)]));
          pm.expect(e.hash).to.equal(previous);
        });
      });
      pm.test("the hospitals registered as such", () => {
        pm.expect(entries.find((e) => e.credential === pm.collectionVariables.get("hospitalCredential")).role).to.equal("HPC");
      });
      pm.collectionVariables.set("logged", JSON.stringify(entries.map((e) => e.credential)));
    },
  }),
]);
