// Checks one report.html in a real browser. Ends with 1 and says what is wrong if anything is.
import { parseArgs } from "node:util";
import { CHECKS, inBrowsers, run } from "./checks.mjs";

const USAGE = `usage: node check.mjs PAGE.html [--within MS] [--below BYTES] [--folded] [--only CHECK]...

--within   in how many milliseconds it is to be loaded and drawn
--below    the size in bytes that it must not reach
--folded   leaves folds closed for axe, which is slow on thousands of cells
--only     ${Object.keys(CHECKS).join(", ")}`;

/** So many of the things that are wrong are told. */
const TOLD = 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    within: { type: "string", default: "Infinity" },
    below: { type: "string", default: "Infinity" },
    folded: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: Object.keys(CHECKS) },
  },
});
if (positionals.length !== 1 || values.only.some((name) => !CHECKS[name])) {
  console.error(USAGE);
  process.exit(2);
}

const given = {
  path: positionals[0],
  within: Number(values.within),
  below: Number(values.below),
  folded: values.folded,
};
let failed = false;
const check = async (browser, name) => {
  const begun = performance.now();
  const { problems, notes } = await run(name, { browser, ...given });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${problems.length ? "FAILED" : "ok"} ${name} (${[`${seconds} s`, ...notes].join("; ")})`);
  for (const text of problems.slice(0, TOLD)) console.log(`    ${text}`);
  if (problems.length > TOLD) console.log(`    and ${problems.length - TOLD} more`);
  failed ||= problems.length > 0;
};
// What is timed runs alone.
const timed = values.only.filter((name) => name === "quick");
await inBrowsers(timed, check);
await inBrowsers(values.only.filter((name) => !timed.includes(name)), check);
process.exit(failed ? 1 : 0);
