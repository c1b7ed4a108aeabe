// Builds src/ into core/web/static/widget/: a loader at a stable name, everything else named by its digest.
// `node build.mjs --test` builds the unit tests instead, for node's own runner.

import { build } from "esbuild";
import { minify } from "terser";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sheets, words } from "./plugins.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const browsers = ["chrome105", "firefox110", "safari16.4"]; // the first with constructable sheets and container queries

// Built beside its place and moved there whole: a build that fails leaves the one before.
async function buildWidget(place) {
  const folder = `${place}.new`;
  rmSync(folder, { recursive: true, force: true });
  await build({
    entryPoints: { aftercare: join(here, "src/loader.ts") },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    target: browsers,
    minify: true,
    charset: "utf8",
    legalComments: "none",
    chunkNames: "[name]-[hash]",
    plugins: [sheets, words(here)],
    absWorkingDir: here, // so that digests do not depend on where the tree lies
  });
  for (const name of readdirSync(folder)) await shrink(join(folder, name));
  writeFileSync(join(folder, "built-from"), digest());
  rmSync(place, { recursive: true, force: true });
  renameSync(folder, place);
}

// esbuild has bundled and named the files; terser takes another fortieth off what travels.
async function shrink(path) {
  const compress = { passes: 3, unsafe_arrows: true, pure_getters: true, hoist_props: true };
  const { code } = await minify(readFileSync(path, "utf8"), { module: true, ecma: 2020, compress });
  writeFileSync(path, code);
}

// Say what a build was made from, so that a stale one is seen where there is no Node.
function digest() {
  const ours = /^(src|words)\/.*\.\w+$|^\w+\.mjs$/;
  const names = readdirSync(here, { recursive: true }).filter((name) => ours.test(name));
  const hash = createHash("sha256");
  for (const name of names.sort()) hash.update(`${name}\n`).update(readFileSync(join(here, name)));
  return `${hash.digest("hex")}\n`;
}

async function buildTests(folder) {
  rmSync(folder, { recursive: true, force: true });
  const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: tests.map((name) => join(here, "test", name)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    plugins: [sheets],
    absWorkingDir: here,
  });
}

const out = process.argv[2] === "--out" ? process.argv[3] : join(here, "../core/web/static/widget");
await (process.argv[2] === "--test" ? buildTests(join(here, "node_modules/.test")) : buildWidget(out));
