// Writes the collections, which are committed, from their source in src:
//
//   node build.mjs           writes them
//   node build.mjs --check   only says whether they are what the source makes, by exit code
import { readFileSync, writeFileSync } from "node:fs";
import { collection } from "./src/lib/collection.mjs";
import { collections, left } from "./src/collections.mjs";
import { operations } from "./src/lib/openapi.mjs";

const check = process.argv.includes("--check");
let stale = 0;
for (const [file, source] of Object.entries(collections)) {
  const path = new URL(`${file}.postman_collection.json`, import.meta.url);
  const made = JSON.stringify(collection(source), null, 2) + "\n";
  if (!check) writeFileSync(path, made);
  else if (made !== current(path)) {
    console.error(`api/postman/${file}.postman_collection.json is not what the source makes: run node api/postman/build.mjs`);
    stale = 1;
  }
}
for (const name of missing()) {
  console.error(`${name} of the OpenAPI documents has no request in a collection: add one, or say in src/collections.mjs why not`);
  stale = 1;
}
process.exitCode = stale;

// missing are the operations that nobody asks for, without a reason.
function missing() {
  const used = new Set();
  const look = (node) => (node.items ? node.items.forEach(look) : used.add(`${node.operation.api} ${node.operation.id}`));
  Object.values(collections).forEach((c) => c.folders.forEach(look));
  return operations.filter((name) => !used.has(name) && !left[name]);
}

function current(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if (err.code === "ENOENT") return "";
    throw err;
  }
}
