// The OpenAPI documents of the six services, and the one of the problems that they share, as
// the generator needs them: what an operation is called, where it lies, what it wants and what
// it answers. Nothing of it is typed a second time.
import { readFileSync } from "node:fs";
import { parse } from "yaml";

const folder = new URL("../../../openapi/", import.meta.url);

// where is the environment's variable with each service's address.
const where = {
  publiccloud: "cloud",
  privatecloud: "hospital",
  privateadmin: "hospitalAdmin",
  portal: "portal",
  doctoragent: "doctorAgent",
  patientagent: "patientAgent",
};

// tokens is the environment's variable with what each security scheme wants.
const tokens = {
  operatorToken: "operatorToken",
  importToken: "importToken",
  adminToken: "adminToken",
  portalSession: "portalSession",
  agentToken: "doctorToken",
  localToken: "patientToken",
};

const documents = Object.fromEntries(
  [...Object.keys(where), "problems"].map((name) => [name, parse(readFileSync(new URL(`${name}.yaml`, folder), "utf8"))]),
);

// follow finds what a reference means, in this document or in another one.
function follow(doc, node) {
  if (!node?.$ref) return node;
  const [file, path] = node.$ref.split("#/");
  const at = file ? documents[file.replace(".yaml", "")] : doc;
  return follow(at, path.split("/").reduce((to, key) => to[key], at));
}

// operation finds "<document> <operationId>": { api, id, method, path, base, token, body,
// status, type, cached, schema }. cached: the answer has an ETag. schema is the name of a definition of the document, or undefined
// if the answer is no JSON. code chooses another answer than the first that is a success.
export function operation(name, code) {
  const [api, id] = name.split(" ");
  const doc = documents[api];
  for (const [path, item] of Object.entries(doc?.paths ?? {})) {
    for (const [method, op] of Object.entries(item)) {
      if (op.operationId === id) return describe(api, doc, { id, method, path, op, code });
    }
  }
  throw new Error(`no operation ${name}`);
}

function describe(api, doc, { id, method, path, op, code }) {
  const [status, answer] = Object.entries(op.responses).find(([c]) => (code ? c === code : c.startsWith("2")));
  const [type, content] = Object.entries(follow(doc, answer).content ?? {})[0] ?? [];
  const body = Object.keys(follow(doc, op.requestBody)?.content ?? {})[0];
  return {
    api, id, path, body, type,
    method: method.toUpperCase(),
    base: where[api],
    token: token(op.security ?? doc.security),
    status: Number(status),
    cached: op["x-etag"] === true,
    schema: content && /json$/.test(type) && type !== "application/x-ndjson" ? named(doc, id, content.schema) : undefined,
  };
}

function token(security) {
  const scheme = security?.length && Object.keys(security[0])[0];
  return scheme ? tokens[scheme] : undefined;
}

// named is the name of a schema; one without a name gets the operation's.
function named(doc, id, schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  doc.components.schemas[id] = schema;
  return id;
}

// says what only people read, and what JSON Schema does not know.
const left = ["description", "example", "default", "examples", "discriminator"];

function jsonSchema(node) {
  if (Array.isArray(node)) return node.map(jsonSchema);
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === "properties") {
      out.properties = Object.fromEntries(Object.entries(value).map(([name, s]) => [name, jsonSchema(s)]));
    } else if (key === "$ref") {
      out.$ref = value.replace("#/components/schemas/", "#/definitions/");
    } else if (!left.includes(key) && !key.startsWith("x-") && !(key === "format" && value !== "date-time")) {
      out[key] = jsonSchema(value);
    }
  }
  return out;
}

// definitions are the named schemas of a document, and all that they refer to, as JSON Schema.
export function definitions(api, names) {
  const out = {};
  const add = (name) => {
    if (out[name]) return;
    out[name] = jsonSchema(documents[api].components.schemas[name]);
    for (const [, next] of JSON.stringify(out[name]).matchAll(/"#\/definitions\/(\w+)"/g)) add(next);
  };
  [...names].sort().forEach(add);
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// operations are the names of all operations of all documents.
export const operations = Object.entries(documents).flatMap(([api, doc]) =>
  Object.values(doc.paths).flatMap((item) => Object.values(item).map((op) => `${api} ${op.operationId}`)),
);
