// What esbuild learns for the widget: style sheets as text, and sentences as numbers.
//
// In the sources a sentence stands in English, `say("Show my order")`, where Python's extractor finds it. A build
// replaces it by its place in a table, and writes one table per language and group: "loader" (in the loader itself),
// "first" (what a tracking visit needs) and "more" (what the panels add behind it).

import { transform } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const SENTENCE = /\b(say|count)\(\s*("(?:[^"\\\n]|\\.)*")(?:,\s*("(?:[^"\\\n]|\\.)*"))?/g;
const GROUPS = ["loader", "first", "more"];

export const sheets = {
  name: "sheets",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      // esbuild leaves the spaces of custom properties, which may matter; in ours none does.
      const text = code.trim().replace(/(--[\w-]+): /g, "$1:").replace(/(var\(--[\w-]+), /g, "$1,");
      return { contents: text, loader: "text" };
    });
  },
};

export function words(here) {
  const src = join(here, "src");
  const files = readdirSync(src, { recursive: true }).filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));
  const groups = sort(files.sort().map((name) => [groupOf(name), readFileSync(join(src, name), "utf8")]));
  return {
    name: "words",
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const group = groupOf(relative(src, path));
        return { contents: number(readFileSync(path, "utf8"), group, groups), loader: "ts" };
      });
      build.onResolve({ filter: /^words:/ }, ({ path }) => ({ path: path.slice(6), namespace: "words" }));
      build.onLoad({ filter: /./, namespace: "words" }, ({ path }) => ({
        contents: table(path, groups, read(here)),
        loader: "js",
      }));
    },
  };
}

function groupOf(name) {
  if (name === "loader.ts") return "loader";
  return name.startsWith("panels") ? "more" : "first";
}

// Give each group its sentences in order of appearance; what "first" says, "more" need not carry again.
function sort(sources) {
  const groups = { loader: [], first: [], more: [] };
  for (const wanted of GROUPS) {
    for (const [group, text] of sources) {
      if (group !== wanted) continue;
      for (const [, , english] of text.matchAll(SENTENCE)) {
        const msgid = JSON.parse(english);
        const known = group === "more" && groups.first.includes(msgid);
        if (!known && !groups[group].includes(msgid)) groups[group].push(msgid);
      }
    }
  }
  return groups;
}

function number(text, group, groups) {
  const list = group === "loader" ? groups.loader : [...groups.first, ...groups.more];
  const place = (english) => list.indexOf(JSON.parse(english));
  return text.replace(SENTENCE, (_, verb, one, many) => `${verb}(${place(one)}${many ? ", 0" : ""}`);
}

function read(here) {
  const folder = join(here, "words");
  const catalogs = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return catalogs.sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}

// "loader" is every language's few sentences; "first" says how to load a language; "first/vi" is one, and says how to
// load what the panels add, "more/vi".
function table(path, groups, catalogs) {
  const [group, tag] = path.split("/");
  if (group === "loader") {
    return `export default ${JSON.stringify(Object.fromEntries(catalogs.map((one) => [one.tag, lines(one, groups.loader)])))}`;
  }
  if (!tag) {
    const loads = catalogs.map((one) => `${JSON.stringify(one.tag)}: () => import("words:${group}/${one.tag}")`);
    return `export default {${loads.join()}}`;
  }
  const one = catalogs.find((catalog) => catalog.tag === tag);
  const said = `export const lines = ${JSON.stringify(lines(one, groups[group]))}`;
  if (group === "more") return said;
  const more = `more = () => import("words:more/${tag}")`;
  return `${said}, tag = ${JSON.stringify(tag)}, dir = ${JSON.stringify(one.direction)}, ${more}`;
}

function lines(catalog, msgids) {
  return msgids.map((msgid) => catalog.words[msgid] ?? msgid);
}
