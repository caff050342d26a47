import { call, folder } from "../lib/author.mjs";

export default folder("2 · Registration: the doctor and the patient (M0)", `
  **Registration phase, Eq. 2-10.** Each party X draws a secret x_X, sends X_X = x_X P and gets back
  R_X1 = rP + X_X and the partial key d_X = r + e_X s; with S_X = d_X + x_X it holds a key that the
  public cloud does not know and that anybody can check from its credential. A patient is admitted by a
  single-use code, a doctor by the medical authority's certificate Cert_D, a hospital by an operator.

  \`deploy/up\` has registered a doctor and a patient with a record at several hospitals; this folder
  looks at both. How somebody registers, step by step, is in the next folder.
  `, [
  call("doctoragent getDoctor", "The doctor is registered and online", {
    says: `
      The doctor's agent holds her keys. It is online when it reaches its portal, its prekey is published
      and its revocation list is new.
      `,
    test() {
      const doctor = pm.response.json();
      pm.test("she is registered and online", () => {
        pm.expect(doctor.state).to.equal("registered");
        pm.expect(doctor.online, doctor.trouble).to.equal(true);
      });
      pm.test("she works in the department of this visit, at the hospital of the environment", () => {
        pm.expect(doctor.departments).to.include(pm.environment.get("department"));
        pm.expect(doctor.affiliation).to.equal(pm.environment.get("hospitalId"));
      });
      pm.collectionVariables.set("doctorCredential", doctor.credential);
      pm.collectionVariables.set("doctorLicence", doctor.licence);
      pm.collectionVariables.set("doctorName", doctor.name);
    },
  }),
  call("publiccloud getDoctor", "The doctor's card, as the public cloud keeps it", {
    path: { credential: "{{doctorCredential}}" },
    says: `
      Cred_D, Cert_D and her current prekey. Nobody trusts the public cloud with who a doctor is: Cert_D is
      the medical authority's, and Cred_D holds its hash.
      `,
    test() {
      const card = pm.response.json();
      const credential = credentialOf(bytesOf(card.credential));
      const certificate = JSON.parse(textOf(bytesOf(card.certificate.split(".")[1])));

      pm.test("its credential is the doctor's: its hash is c_D", () => {
        pm.expect(credential.hash).to.equal(pm.collectionVariables.get("doctorCredential"));
        pm.expect(credential.role).to.equal("D");
      });
      pm.test("Cred_D holds the hash of Cert_D", () => {
        pm.expect(hexOf(credential.attribute)).to.equal(sha256Of([...card.certificate].map((c) => c.charCodeAt(0))));
      });
      pm.test("Cert_D certifies her name, her licence and her departments, and has not ended", () => {
        pm.expect(certificate.sub).to.equal(pm.collectionVariables.get("doctorLicence"));
        pm.expect(certificate.name).to.equal(pm.collectionVariables.get("doctorName"));
        pm.expect(certificate.departments).to.include(pm.environment.get("department"));
        pm.expect(certificate.exp * 1000).to.be.above(Date.now());
      });
      pm.test("her registration stands in the log", () => {
        pm.expect(JSON.parse(pm.collectionVariables.get("logged"))).to.include(credential.hash);
      });
      pm.collectionVariables.set("certificate", card.certificate);
    },
  }),
  call("portal getCard", "The same card at her portal, where patients fetch it", {
    path: { credential: "{{doctorCredential}}" },
    test() {
      pm.test("the same credential and certificate", () => {
        pm.expect(credentialOf(bytesOf(pm.response.json().credential)).hash).to.equal(pm.collectionVariables.get("doctorCredential"));
        pm.expect(pm.response.json().certificate).to.equal(pm.collectionVariables.get("certificate"));
      });
    },
  }),
  call("portal getConfig", "What her page begins with", {
    says: "The pins: who the public cloud is, PK and PUK_C, and the medical authority's keys. At her first use the page shows their fingerprint.",
    test() {
      const { origin, pins, authority } = pm.response.json();
      pm.test("they are those of this union", () => {
        pm.expect(origin).to.equal(pm.environment.get("portal"));
        pm.expect(pins.cloud).to.equal(pm.environment.get("cloudId"));
        pm.expect(authority.jwks.keys.length).to.be.above(0);
      });
    },
  }),
  call("patientagent getStatus", "The patient's store is open", {
    says: `
      Her keys, consents and diagnoses lie on her own device, sealed under her passphrase. While the store
      is locked, everything else is a conflict.
      `,
    test() {
      const status = pm.response.json();
      pm.test("her store is open and she is registered", () => {
        pm.expect(status.store).to.equal("open");
        pm.expect(status.registered).to.equal(true);
      });
      pm.test("a passphrase approves her consents", () => pm.expect(status.verification).to.equal("passphrase"));
    },
  }),
  call("patientagent getIdentity", "Who the patient is", {
    says: "ID_P is random: it says nothing about her, and no hospital knew it before she linked her record there.",
    test() {
      const identity = pm.response.json();
      pm.test("her identifier is 32 random hexadecimal digits", () => pm.expect(identity.id).to.match(/^[0-9a-f]{32}$/));
      pm.test("her credential has not ended", () => pm.expect(Date.parse(identity.notAfter)).to.be.above(Date.now()));
      pm.test("her registration stands in the log", () => {
        pm.expect(JSON.parse(pm.collectionVariables.get("logged"))).to.include(identity.credential);
      });
      pm.collectionVariables.set("patientId", identity.id);
      pm.collectionVariables.set("patientCredential", identity.credential);
    },
  }),
  call("patientagent register", "A second registration is a conflict", {
    body: { code: "AAAAA-AAAAA-AAAAA-AAAAA", passphrase: "{{patientPassphrase}}" },
    refused: "conflict",
    says: "An identity that exists is never made anew: the code is not even looked at.",
    test() {
      pm.test("it says why", () => pm.expect(pm.response.json().code).to.equal("registered-already"));
    },
  }),
  call("patientagent listHospitals", "What each hospital holds of her", {
    says: `
      Her agent asks the public cloud for the index entries under her locators, with a key for each
      department that only she can derive. The public cloud learns neither who asks nor what the entries
      say: they are sealed for her and the doctors whom she allows.
      `,
    test() {
      const { hospitals, ignoredEntries } = pm.response.json();
      const withheld = pm.environment.get("withheldClass");
      const mine = hospitals.filter((h) => h.enrolled);

      pm.test("they are the hospitals of the directory", () => {
        pm.expect(hospitals.map((h) => h.id).sort()).to.eql(JSON.parse(pm.collectionVariables.get("hospitals")).sort());
      });
      pm.test("her record is linked at one of them at least, and everything that is found is of those", () => {
        pm.expect(mine.length).to.be.above(0);
        hospitals.filter((h) => !h.enrolled).forEach((h) => pm.expect(h.holdings).to.eql([]));
        pm.expect(ignoredEntries).to.equal(0);
      });
      pm.test("what a hospital holds is the sum of its departments", () => {
        for (const h of mine) {
          pm.expect(h.departments.sort()).to.eql(h.holdings.map((x) => x.department).sort());
          pm.expect(h.classes.sort()).to.eql([...new Set(h.holdings.flatMap((x) => x.classes))].sort());
        }
      });
      const holder = mine.find((h) => h.classes.includes(withheld));
      pm.test(`one of them holds ${withheld}, the class that she will keep to herself`, () => pm.expect(holder).to.be.an("object"));
      pm.collectionVariables.set("enrolledAt", JSON.stringify(mine.map((h) => h.id)));
      pm.collectionVariables.set("holder", holder && holder.id);
    },
  }),
  call("patientagent getRecord", "Her own record at the hospital that holds the class", {
    path: { hospital: "{{holder}}" },
    says: `
      A patient always sees her whole record, byte for byte as the hospital holds it. By the class rules of
      the signed parameters the script finds the class that she is going to keep back.
      `,
    test() {
      const withheld = pm.environment.get("withheldClass");
      const rules = JSON.parse(pm.collectionVariables.get("classRules"));
      const bundle = pm.response.json();
      const resources = (bundle.entry || []).map((e) => e.resource);

      pm.test("it is a FHIR collection with her Patient resource", () => {
        pm.expect(bundle.resourceType).to.equal("Bundle");
        pm.expect(bundle.type).to.equal("collection");
        pm.expect(resources.filter((r) => r.resourceType === "Patient").length).to.equal(1);
      });
      pm.test(`it has resources of the class ${withheld}: there is something to keep back`, () => {
        pm.expect(resources.filter((r) => classOf(rules, r) === withheld).length).to.be.above(0);
      });
      pm.collectionVariables.set("ownRecord", JSON.stringify(resources.map((r) => `${r.resourceType}/${r.id}`)));
    },
  }),
]);
