// The scripts of a collection and what each request adds to them. What stands in the
// functions runs in Postman.
import { expected, source } from "./author.mjs";
import * as helpers from "./helpers.mjs";
import { definitions } from "./openapi.mjs";

const script = (listen, lines) => ({ listen, script: { type: "text/javascript", exec: lines } });
const literal = (name, value) => `const ${name} = ${JSON.stringify(value, null, 2)};`.split("\n");

// ofCollection are the two scripts that run for every request: before it, and before its
// own tests. schemas lists the names of the schemas that are used, by document.
export function ofCollection(schemas) {
  const used = Object.fromEntries(Object.keys(schemas).sort().map((api) => [api, definitions(api, schemas[api])]));
  return [script("prerequest", source(beforeEach)), script("test", [...source(afterEach), ...formOf(used)])];
}

function beforeEach() {
  // Every request says for itself which answer it expects.
  pm.variables.unset("expected");
}

function afterEach() {
  // What holds for every answer; what it means is tested by the request's own script.
  const expected = JSON.parse(pm.variables.get("expected"));

  pm.test(`the status is ${expected.status}`, () => pm.expect(pm.response.code, pm.response.text().slice(0, 300)).to.equal(expected.status));

  pm.test(expected.type ? `the answer is ${expected.type}` : "the answer is empty", () => {
    if (!expected.type) return pm.expect(pm.response.text()).to.equal("");
    pm.expect((pm.response.headers.get("Content-Type") || "").split(";")[0]).to.equal(expected.type);
  });

  pm.test(expected.cached ? "it may be kept as long as its ETag holds" : "it is not to be stored", () => {
    pm.expect(pm.response.headers.get("Cache-Control")).to.equal(expected.cached ? "no-cache" : "no-store");
    if (expected.cached) pm.expect(pm.response.headers.get("ETag")).to.match(/^(W\/)?"[^"]+"$/);
  });

  pm.test("it is not to be guessed at or framed, and has a request id", () => {
    pm.expect(pm.response.headers.get("X-Content-Type-Options")).to.equal("nosniff");
    pm.expect(pm.response.headers.get("Content-Security-Policy")).to.include("default-src 'none'");
    pm.expect(pm.response.headers.get("X-Request-Id")).to.match(/^[0-9a-f]{32}$/);
  });

  if (expected.schema) {
    pm.test(`its form is ${expected.schema} of ${expected.api}.yaml`, () => {
      const form = { $ref: `#/definitions/${expected.schema}`, definitions: schemas()[expected.api] };
      pm.expect(pm.response.json()).to.have.jsonSchema(form);
    });
  }

  if (expected.problem) {
    pm.test(`the problem is "${expected.problem}" and says nothing else`, () => {
      const problem = pm.response.json();
      pm.expect(problem.type).to.equal(`urn:medunion:problem:${expected.problem}`);
      pm.expect(problem.status).to.equal(expected.status);
      pm.expect(problem.instance).to.match(/^urn:medunion:request:[0-9a-f]{32}$/);
      if (!expected.relayed) pm.expect(problem.instance).to.include(pm.response.headers.get("X-Request-Id"));
      if (expected.problem === "refused") pm.expect(problem.detail).to.equal("The request is refused.");
      if (expected.problem === "stale") pm.expect(Math.abs(Date.parse(problem.now) - Date.now())).to.be.below(10000);
      if (expected.problem === "unauthenticated") pm.expect(pm.response.headers.get("WWW-Authenticate")).to.equal("Bearer");
    });
  }
}

// formOf is hoisted to the top, so that the schemas may stand at the end of the script.
function formOf(schemas) {
  const lines = JSON.stringify(schemas, null, 2).split("\n");
  return ["", "// The schemas of the OpenAPI documents, put here by the generator.", "function schemas() {", `  return ${lines[0]}`, ...lines.slice(1, -1).map((l) => `  ${l}`), `  ${lines.at(-1)};`, "}"];
}

// ofCall are the scripts of one request.
export function ofCall(c) {
  const before = [`pm.variables.set("expected", JSON.stringify(${JSON.stringify(expected(c))}));`];
  const consts = Object.entries(c.consts ?? {}).flatMap(([name, value]) => literal(name, value));
  if (c.until) before.push(...source(pause));
  if (c.before) before.push(...consts, ...source(c.before));
  let tests = c.test ? source(c.test) : [];
  if (c.kept) tests.push(`pm.collectionVariables.set(${JSON.stringify(c.kept)}, pm.response.headers.get("X-Request-Id"));`);
  if (c.until) tests = repeated(c, tests);
  if (c.test || c.until) tests.unshift(...consts);
  return [script("prerequest", helped(before)), ...(tests.length ? [script("test", helped(tests))] : [])];
}

// helped appends the helpers that a script calls. Functions may stand behind their use.
function helped(lines) {
  const named = (text) => Object.keys(helpers).filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  const needed = new Set();
  const add = (name) => {
    if (needed.has(name)) return;
    needed.add(name);
    named(source(helpers[name]).join("\n")).forEach(add);
  };
  named(lines.join("\n")).forEach(add);
  if (!needed.size) return lines;
  const code = Object.keys(helpers).filter((name) => needed.has(name)).flatMap((name) => ["", ...helpers[name].toString().split("\n")]);
  return [...lines, "", "// Helpers.", ...code.slice(1)];
}

function pause() {
  // It is asked again and again, with a pause, until the answer is there.
  if (pm.variables.get("asked")) setTimeout(() => {}, 250);
}

const mostAsked = 160; // times a quarter of a second

function repeated(c, tests) {
  return [
    `const there = (${c.until.toString().replace(/^until/, "function ")})(pm.response.json());`,
    `const asked = (Number(pm.variables.get("asked")) || 0) + 1;`,
    `if (!there && asked < ${mostAsked}) {`,
    `  pm.variables.set("asked", asked);`,
    `  pm.execution.setNextRequest(pm.info.requestName);`,
    `} else {`,
    `  pm.variables.unset("asked");`,
    `  pm.test("it came in time", () => pm.expect(there).to.equal(true));`,
    ...tests.map((l) => l && `  ${l}`),
    `}`,
  ];
}
