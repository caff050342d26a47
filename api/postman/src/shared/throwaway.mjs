// A doctor who exists for one run: her keys lie in the memory of the doctor's agent, which
// prepares her messages.
import { call } from "../lib/author.mjs";
import { makers, opened, prepare, send } from "./steps.mjs";

const certify = { api: "authority", method: "POST", path: "/v1/certificates", base: "authority", body: "application/json", status: 201, type: "application/json" };

// register is how she comes to be: M0 by the operation given. {{h.<name>}} is her handle,
// {{credential.<name>}} is c_D.
export function register(name, operation = "publiccloud register") {
  return [
    prepare(makers.doctor, name, "A throwaway doctor asks for a certificate", {
      step: "certificate-request", id: "dr-{{$guid}}",
      person: { authority: "medunion development authority", licence: "L-{{$guid}}", name: "Nora Throwaway", departments: ["{{department}}"] },
    }, { says: "Her keys are drawn; the request is signed by them." }),
    call(certify, "The medical authority certifies her", {
      body: `{{request.${name}}}`, consts: { name },
      says: "The development authority of `deploy/up` certifies whoever asks. Cert_D is a JWT; everybody verifies it under the authority's pinned key.",
      test() {
        pm.test("Cert_D is a JWT", () => pm.expect(pm.response.json().certificate).to.match(/^[\w-]+\.[\w-]+\.[\w-]+$/));
        pm.collectionVariables.set(`certificate.${name}`, pm.response.json().certificate);
      },
    }),
    challenge("A challenge for her registration"),
    prepare(makers.doctor, name, "Her registration is prepared (M0)", registration(name)),
    send(operation, name, "She is registered (Eq. 8, 9)"),
    opened(makers.doctor, name, "Her partial key fits (Eq. 10)", "M0", function () {
      pm.collectionVariables.set("throwawayDoctor", pm.response.json().registration.credential);
    }),
  ];
}

export const registration = (name) => ({ step: "M0", doctor: `{{h.${name}}}`, certificate: `{{certificate.${name}}}`, challenge: "{{challenge}}" });

// challenge asks for nonce_PC.
export const challenge = (title) => call("publiccloud createChallenge", title, {
  test() {
    pm.test("it has 56 bytes", () => pm.expect(bytesOf(pm.response.json().challenge).length).to.equal(56));
    pm.collectionVariables.set("challenge", pm.response.json().challenge);
  },
});
