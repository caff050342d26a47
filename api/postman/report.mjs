// Makes an HTML report complete in itself: htmlextra takes its styles and scripts from other
// servers, which a machine without a network cannot, and a report with a record in it should not.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const folder = (name) => dirname(require.resolve(`${name}/package.json`));

// parts are what the report names, by a piece of the address, and where it is installed.
const parts = [
  ["/font-awesome/", "@fortawesome/fontawesome-free", ["css/all.min.css"]],
  ["/highlight.js/10.1.2/styles/", "@highlightjs/cdn-assets", ["styles/default.min.css"]],
  ["/dt-1.10.18/datatables.min.css", "datatables.net-bs4", ["css/dataTables.bootstrap4.min.css"]],
  ["/css/bootstrap.min.css", "bootstrap", ["dist/css/bootstrap.min.css"]],
  ["/jquery/", "jquery", ["dist/jquery.min.js"]],
  ["/twitter-bootstrap/", "bootstrap", ["dist/js/bootstrap.bundle.min.js"]],
  ["/dt-1.10.18/datatables.min.js", "datatables.net-bs4", ["../datatables.net/js/jquery.dataTables.min.js", "js/dataTables.bootstrap4.min.js"]],
  ["/clipboard.js/", "clipboard", ["dist/clipboard.min.js"]],
  ["/remarkable/", "remarkable", ["dist/remarkable.min.js"]],
  ["/highlight.js/10.1.2/highlight.min.js", "@highlightjs/cdn-assets", ["highlight.min.js"]],
];

// Nothing is fetched by a report, whatever stands in the answers that it shows.
const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:">`;

// complete puts everything into the report at path.
export async function complete(path) {
  const html = await readFile(path, "utf8");
  const at = html.indexOf("</head>");
  const links = /<link rel="stylesheet" href="(https:[^"]+)"\s*\/?>|<script src="(https:[^"]+)"><\/script>/g;
  const found = await Promise.all([...html.matchAll(links)].map(async ([tag, css, js]) => [tag, await inlined(css ?? js, css ? "style" : "script")]));
  if (at < 0 || !found.length) throw new Error(`${path} is not a report of htmlextra as it is known here`);
  let out = html.replace("<head>", () => `<head>${policy}`);
  for (const [tag, content] of found) out = out.replace(tag, () => content);
  await writeFile(path, out);
}

async function inlined(url, element) {
  const part = parts.find(([piece]) => url.includes(piece));
  if (!part) throw new Error(`the report wants ${url}, which is not installed`);
  const [, name, files] = part;
  const texts = await Promise.all(files.map((file) => readFile(join(folder(name), file), "utf8")));
  const text = element === "style" ? await withFonts(texts.join("\n"), join(folder(name), "css")) : texts.join("\n");
  if (text.includes(`</${element}`)) throw new Error(`${name} cannot stand inside of a page`);
  return `<${element}>${text}</${element}>`;
}

// withFonts puts the fonts of a style sheet into it.
async function withFonts(css, base) {
  const fonts = [...new Set([...css.matchAll(/url\((\.\.\/webfonts\/[\w-]+\.woff2)\)/g)].map(([, file]) => file))];
  for (const file of fonts) {
    const data = (await readFile(join(base, file))).toString("base64");
    css = css.replaceAll(`url(${file})`, `url(data:font/woff2;base64,${data})`);
  }
  return css;
}
