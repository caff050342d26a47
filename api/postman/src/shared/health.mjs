import { call, folder } from "../lib/author.mjs";

function forget() {
  // What an earlier run found is forgotten.
  pm.collectionVariables.clear();
}

const services = {
  cloud: ["publiccloud", "the public cloud"],
  hospital: ["privatecloud", "the hospital's private cloud"],
  hospitalAdmin: ["privateadmin", "the hospital's administration"],
  portal: ["portal", "the doctor portal"],
  doctorAgent: ["doctoragent", "the doctor's agent"],
  patientAgent: ["patientagent", "the patient's agent"],
  guestAgent: ["patientagent", "the guest's agent"],
};

// health asks every party whether it can work.
export const health = folder("0 · Everybody is there", `
  Every server answers \`/livez\` when its process runs and \`/readyz\` when its stores answer as well and
  its replay window takes messages. Both are for the operator's tools: they need no token and tell
  nothing else.

  If the first request fails, nothing runs at the addresses of the environment: start \`deploy/up\` and
  import the environment file that it prints. The addresses and tokens of another run are of no use.
  `, Object.entries(services).map(([address, [api, name]], i) =>
  call({ api, method: "GET", path: "/readyz", base: address, status: 200, type: "application/json" }, `Ready: ${name}`, {
    before: i === 0 ? forget : undefined,
    test() {
      pm.test("it is ready", () => pm.expect(pm.response.json()).to.eql({ status: "ready" }));
    },
  })));
