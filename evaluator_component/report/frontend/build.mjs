// Bundles src/ into ../static: one ES module, one style sheet, and the licences of what is inside.
import { build } from "esbuild";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "..", "static");
const result = await build({
  absWorkingDir: here,
  entryPoints: { report: "src/main.tsx" },
  outdir: target,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "ascii",
  legalComments: "none",
  metafile: true,
});

const packages = new Map();
for (const input of Object.keys(result.metafile.inputs)) {
  const match = input.match(/^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//);
  if (match) packages.set(match[2], join(here, match[1]));
}
const notices = [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, folder]) => {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "license", "License"].map((n) => join(folder, n)).find(existsSync);
  if (!file) throw new Error(`${name} has no licence file`);
  return `${name} ${about.version} (${about.license})\n\n${readFileSync(file, "utf8").trim()}\n`;
});
const licenses = notices.join(`\n${"-".repeat(80)}\n\n`);
writeFileSync(join(target, "LICENSES.txt"), licenses);
// A page is sent on its own, so the notices are in the module as well.
const module = join(target, "report.js");
writeFileSync(module, `/*\nWhat is bundled here, with its licences:\n\n${licenses.replaceAll("*/", "* /")}*/\n${readFileSync(module, "utf8")}`);
