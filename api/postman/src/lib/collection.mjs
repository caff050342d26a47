// From folders and calls to a Postman collection, form v2.1.
import { expected, id } from "./author.mjs";
import { ofCall, ofCollection } from "./scripts.mjs";

// collection makes the collection of a name, a text and its folders.
export function collection({ name, says, folders }) {
  const calls = folders.flatMap(callsOf);
  unique(name, calls.map((c) => c.name));
  return {
    info: {
      _postman_id: id(name),
      name,
      description: says,
      schema: "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
    },
    item: folders.map((f) => item(f, [name])),
    event: ofCollection(schemasOf(calls)),
  };
}

const callsOf = (node) => (node.kind === "call" ? [node] : node.items.flatMap(callsOf));

// A request is found again by its name when it is repeated.
function unique(collection, names) {
  const twice = names.filter((n, i) => names.indexOf(n) !== i);
  if (twice.length) throw new Error(`${collection}: two requests have the name ${JSON.stringify(twice[0])}`);
}

function schemasOf(calls) {
  const used = {};
  for (const { api, schema } of calls.map(expected)) {
    if (schema) (used[api] ??= new Set()).add(schema);
  }
  return used;
}

function item(node, path) {
  const at = [...path, node.name];
  if (node.kind === "folder") {
    return { name: node.name, id: id(...at), description: node.says, item: node.items.map((n) => item(n, at)) };
  }
  return { name: node.name, id: id(...at), event: ofCall(node), request: request(node), response: [] };
}

function request(c) {
  const op = c.operation;
  const token = c.token === undefined ? op.token : c.token;
  return {
    description: c.says,
    method: c.method ?? op.method,
    header: headers(c),
    auth: token ? { type: "bearer", bearer: [{ key: "token", value: `{{${token}}}`, type: "string" }] } : { type: "noauth" },
    ...(c.body !== undefined && { body: { mode: "raw", raw: raw(c.body), options: { raw: { language: "json" } } } }),
    url: url(c),
  };
}

const raw = (body) => (typeof body === "string" ? body : JSON.stringify(body, null, 2));

function headers(c) {
  const out = Object.entries(c.headers ?? {}).map(([key, value]) => ({ key, value, type: "text" }));
  const type = c.sends ?? (c.body !== undefined ? (c.operation.body ?? "application/json") : undefined);
  if (type) out.push({ key: "Content-Type", value: type, type: "text" });
  return out;
}

function url(c) {
  const path = c.operation.path.replace(/\{(\w+)\}/g, (_, name) => {
    if (c.path?.[name] === undefined && !c.url) throw new Error(`${c.name}: no value for ${name} in the path`);
    return c.path?.[name];
  });
  const query = Object.entries(c.query ?? {}).map(([key, value]) => ({ key, value: String(value) }));
  const base = c.url ?? `{{${c.at ?? c.operation.base}}}${path}`;
  const raw = base + (query.length ? `?${query.map((q) => `${q.key}=${q.value}`).join("&")}` : "");
  const [host, ...segments] = base.split("/");
  return { raw, host: [host], path: segments, ...(query.length && { query }) };
}
