// How collections are written: a folder of calls. A call names an operation of an OpenAPI
// document; method, path, token, status, content type and schema of the answer come from
// there. Scripts are functions: their bodies become the scripts of the request, so they may
// use only what Postman gives them (pm) and the values listed in consts.
import { createHash } from "node:crypto";
import { operation } from "./openapi.mjs";
import { problems } from "./problems.mjs";

// folder groups calls, or folders, under a name and a text in Markdown.
export function folder(name, says, items) {
  return { kind: "folder", name, says: text(says), items };
}

// call is one request of an operation, "<document> <operationId>", or of an address that no
// document has, as operation describes it. o may hold:
//   says     what it is about, in Markdown
//   path, query, headers   values by name, which may hold {{variables}}
//   body     a value that is sent as JSON, or a string that is sent as it is
//   sends    the content type of the body, if it is not the operation's
//   at, token   variables with another address or token; token null for none
//   method, url another method or whole address than the operation's
//   answer   another of the operation's answers, "202"
//   status   another status than the operation's, without a body
//   refused  the kind of problem that must answer (src/lib/problems.mjs)
//   before   function, the pre-request script
//   until    function of the answer: the request is repeated until it returns true
//   test     function, the test script
//   kept     a variable that takes the request's id, to find it in the audit trail
//   consts   values that the functions use, by name
export function call(name, title, o = {}) {
  const op = typeof name === "string" ? operation(name, o.answer) : name;
  return { kind: "call", operation: op, name: title, ...o, says: text(o.says ?? "") };
}

// text takes the common indentation away.
export function text(s) {
  const lines = s.replace(/^\n/, "").trimEnd().split("\n");
  const depth = Math.min(...lines.filter((l) => l.trim()).map((l) => l.match(/^ */)[0].length));
  return lines.map((l) => l.slice(Number.isFinite(depth) ? depth : 0)).join("\n");
}

// source is the body of a function as lines of its own.
export function source(f) {
  const whole = f.toString();
  return text(whole.slice(whole.indexOf("{") + 1, whole.lastIndexOf("}"))).split("\n");
}

// expected is what the collection's own test script holds the answer against.
export function expected(c) {
  const op = c.operation;
  if (c.status) return { status: c.status, cached: op.cached };
  if (!c.refused) return { status: op.status, type: op.type, cached: op.cached, api: op.api, schema: op.schema };
  const { status } = problems[c.refused];
  // A problem of a cloud is passed on by the portal as it is, with the id of the request there.
  const relayed = op.path.startsWith("/v1/relay/");
  return { status, type: "application/problem+json", api: "problems", schema: "Problem", problem: c.refused, ...(relayed && { relayed }) };
}

// id is a stable identifier made of names.
export function id(...names) {
  const h = createHash("sha256").update(names.join("\n")).digest("hex");
  return [h.slice(0, 8), h.slice(8, 12), `5${h.slice(13, 16)}`, `8${h.slice(17, 20)}`, h.slice(20, 32)].join("-");
}
