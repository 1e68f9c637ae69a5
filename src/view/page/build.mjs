// Usage: node build.mjs [--check]
//
// Bundles the page into ../page.html, which the program completes: {{title}} and {{data}} are its to
// fill in. With --check it writes nothing, and its exit status is 1 if the file is not up to date.
// scripts/pages.sh installs the packages below target/, and runs this.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, "../page.html");
const packages = join(here, "../../../target/npm/view/node_modules");
const esbuild = createRequire(join(packages, "package.json"))("esbuild");

async function bundle(entry) {
  const result = await esbuild.build({
    entryPoints: [join(here, entry)],
    absWorkingDir: here,
    nodePaths: [packages],
    bundle: true,
    minify: true,
    charset: "utf8",
    format: "iife",
    target: ["chrome111", "firefox121", "safari16.4"],
    legalComments: "none",
    metafile: true,
    write: false,
  });
  return { text: result.outputFiles[0].text.trim(), inputs: Object.keys(result.metafile.inputs) };
}

// The licences of the packages that the bundle contains.
function licences(inputs) {
  const names = inputs.flatMap((input) => {
    const [, path] = input.split(`node_modules${sep}`);
    return path === undefined ? [] : [path.split(sep)[0]];
  });
  const parts = [...new Set(names)].sort().map((name) => {
    const { version } = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(packages, name, "LICENSE"), "utf8").trim()}`;
  });
  return `<!--\nThis page contains these packages.\n\n${parts.join("\n\n")}\n-->`;
}

function hash(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

const script = await bundle("src/main.js");
const style = await bundle("page.css");
const parts = {
  // Only these two run; nothing is loaded, from the network or from files.
  policy: [
    "default-src 'none'",
    `script-src ${hash(script.text)}`,
    `style-src ${hash(style.text)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; "),
  style: style.text,
  script: script.text,
  title: "{{title}}",
  data: "{{data}}",
};
const template = readFileSync(join(here, "template.html"), "utf8");
const page = template
  .replace("<html", () => `${licences(script.inputs)}\n<html`)
  .replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);

for (const fault of ["</script", "<!--", "{{title}}", "{{data}}"]) {
  if (script.text.includes(fault)) throw new Error(`the script contains ${fault}`);
}
if (process.argv.includes("--check")) {
  if (readFileSync(output, "utf8") !== page) {
    console.error("src/view/page.html is not up to date: run bash scripts/pages.sh --write");
    process.exit(1);
  }
} else {
  writeFileSync(output, page);
}
