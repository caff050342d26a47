// Functions for scripts. A script that calls one gets it appended, with what it calls itself.
// They read the canonical bytes of section 3 of api/doc/protocol.md.

// bytesOf reads base64url without padding.
export function bytesOf(base64url) {
  return Uint8Array.from(require("buffer").Buffer.from(base64url, "base64"));
}

// base64Of is its inverse.
export function base64Of(bytes) {
  const base64 = require("buffer").Buffer.from(bytes).toString("base64");
  return base64.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

// fieldsOf takes ⟨label: f1..fn⟩ apart: u8 length of the label, the label, u16 n, then for
// each field u32 length and the field.
export function fieldsOf(label, bytes) {
  let at = 0;
  const number = (n) => { let v = 0; for (let i = 0; i < n; i++) v = v * 256 + bytes[at++]; return v; };
  const take = (n) => bytes.slice(at, (at += n));
  const found = textOf(take(number(1)));
  if (found !== label) throw new Error(`these are the bytes of "${found}", not of "${label}"`);
  const fields = [];
  for (let n = number(2); n > 0; n--) fields.push(take(number(4)));
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes are left over`);
  return fields;
}

// statementOf opens ⟨signed: statement, signature⟩; whoever relies on it checks the signature.
export function statementOf(label, base64url) {
  return fieldsOf(label, fieldsOf("signed", bytesOf(base64url))[0]);
}

// textOf reads UTF-8.
export function textOf(bytes) {
  return decodeURIComponent(escape(String.fromCharCode(...bytes)));
}

// numberOf reads a big-endian number, such as a time in milliseconds since 1970.
export function numberOf(bytes) {
  return bytes.reduce((v, b) => v * 256 + b, 0);
}

// hexOf writes lower-case hexadecimal.
export function hexOf(bytes) {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// sha256Of is the hash in hexadecimal, for example c_X of the bytes of Cred_X.
export function sha256Of(bytes) {
  const crypto = require("crypto-js");
  return crypto.SHA256(crypto.enc.Hex.parse(hexOf(bytes))).toString();
}

// credentialOf takes Cred_X apart: its hash c_X, the party's ID and the attribute.
export function credentialOf(bytes) {
  const info = fieldsOf("info", fieldsOf("credential", bytes)[0]);
  return { hash: sha256Of(bytes), role: textOf(info[1]), id: textOf(info[2]), attribute: info[3] };
}

// classOf is the record class of a FHIR resource by the class rules of the signed
// parameters: type, system and code before type and code before type alone, else OTHER.
export function classOf(rules, resource) {
  const codings = [].concat(resource.category || []).flatMap((c) => c.coding || [c]);
  let found = "OTHER", best = 0;
  for (const [type, system, code, recordClass] of rules) {
    if (type !== resource.resourceType) continue;
    const fits = codings.filter((c) => c.code === code && (!system || c.system === system)).length > 0;
    const score = !code ? 1 : !fits ? 0 : system ? 3 : 2;
    if (score > best) { found = recordClass; best = score; }
  }
  return found;
}

// trailOf reads the audit trail page by page: it has the request repeated until the last page,
// and returns then, and only then, all entries that are wanted.
export function trailOf(wanted) {
  const { entries, next } = pm.response.json();
  const found = JSON.parse(pm.collectionVariables.get("trail") || "[]").concat(entries.filter(wanted));
  if (!next) {
    pm.collectionVariables.unset("trail");
    return found;
  }
  pm.collectionVariables.set("trail", JSON.stringify(found));
  pm.collectionVariables.set("auditFrom", entries[entries.length - 1].number + 1);
  pm.execution.setNextRequest(pm.info.requestName);
  return undefined;
}
