// Runs the collections against a running suite:
//
//   node run.mjs --environment FILE [--reports DIR] [visit] [refusals] [administration]
//
// FILE is what deploy/up writes. Into DIR go a JUnit and an HTML report of each collection;
// tokens and passphrases are left out of them. Exit code 1: an assertion failed or nothing ran.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import newman from "newman";
import { complete } from "./report.mjs";

const order = ["visit", "refusals", "administration"];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { environment: { type: "string" }, reports: { type: "string" } },
});
const chosen = positionals.length ? positionals : order;
if (!values.environment || chosen.some((name) => !order.includes(name))) {
  console.error(`usage: node run.mjs --environment FILE [--reports DIR] [${order.join("] [")}]`);
  process.exit(2);
}

const environment = JSON.parse(await readFile(values.environment, "utf8"));
const secrets = environment.values.filter((v) => v.type === "secret").map((v) => v.key);

// unshown are the names of the requests whose bodies hold a secret, or megabytes.
function unshown(items) {
  return items.flatMap((i) => {
    if (i.item) return unshown(i.item);
    return [...secrets, "oversized"].some((key) => i.request.body?.raw.includes(`{{${key}}}`)) ? [i.name] : [];
  });
}

function reporters(name, collection) {
  if (!values.reports) return { reporters: ["cli"] };
  const file = (kind) => join(values.reports, `${name}.${kind}`);
  return {
    reporters: ["cli", "junit", "htmlextra"],
    reporter: {
      junit: { export: file("xml") },
      htmlextra: {
        export: file("html"),
        title: `medunion: ${name}`,
        showEnvironmentData: false,
        showGlobalData: false,
        skipHeaders: "Authorization",
        skipEnvironmentVars: secrets.join(","),
        hideRequestBody: unshown(collection.item),
      },
    },
  };
}

async function run(name) {
  const collection = JSON.parse(await readFile(new URL(`${name}.postman_collection.json`, import.meta.url), "utf8"));
  return new Promise((resolve, reject) => {
    newman.run(
      { collection, environment, ignoreRedirects: true, timeoutRequest: 60000, color: "off", ...reporters(name, collection) },
      (err, summary) => (err ? reject(err) : resolve(summary.run)),
    );
  });
}

for (const name of chosen) {
  const { stats, failures } = await run(name);
  if (values.reports) await complete(join(values.reports, `${name}.html`));
  if (failures.length || !stats.requests.total || !stats.assertions.total) process.exitCode = 1;
}
