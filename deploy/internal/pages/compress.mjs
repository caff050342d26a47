// Writes beside each file of a folder what is served compressed: .br and .gz, where that
// is smaller.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const folder = process.argv.at(-1);
const packed = /\.(html|js|mjs|css|svg|json|wasm|txt|webmanifest)$/;

async function write(path) {
  const plain = readFileSync(path);
  const forms = {
    '.br': promisify(brotliCompress)(plain, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
      },
    }),
    '.gz': promisify(gzip)(plain, { level: constants.Z_BEST_COMPRESSION }),
  };
  for (const [ending, form] of Object.entries(forms)) {
    const bytes = await form;
    if (bytes.length < plain.length) writeFileSync(path + ending, bytes);
  }
}

const files = readdirSync(folder, { recursive: true, withFileTypes: true });
await Promise.all(files.filter((f) => f.isFile() && packed.test(f.name)).map((f) => write(join(f.parentPath, f.name))));
