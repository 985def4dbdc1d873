// Breaks copies of a good page, each in one way, and wants the check that is there for it to find that.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inBrowsers, run } from "./checks.mjs";

/** Something in place of something that is there. */
const instead = (old, other) => (page) => {
  const changed = page.replace(old, () => other);
  if (changed === page) throw new Error(`the page has no ${old}`);
  return changed;
};
const style = (rules) => instead("</style>", `${rules}</style>`);
const body = (html) => instead("</main>", `${html}</main>`);

/** Another script, which the policy allows. */
const script = (old, other) => (page) => {
  const changed = instead(old, other)(page);
  const [, text] = changed.match(/<script>([^]*)<\/script>/);
  const hash = createHash("sha256").update(text).digest("base64");
  return changed.replace(/'sha256-[^']*'/, `'sha256-${hash}'`);
};

const HEAD = "(() => {\n  \"use strict\";";
const first = (statement) => script(HEAD, `${HEAD} ${statement}`);

/** The check, what it has to say, and what is broken. */
const BREAKS = [
  ["light", /not below/, (page) => page, { below: 1000 }],
  ["quick", /not below 1000/, first("const end = Date.now() + 1200; while (Date.now() < end);"), { within: 1000 }],
  ["alone", /console error.*Content Security Policy/, instead("<main>", '<main><p style="color: red" onclick="x()">x</p><img src="https://example.org/x.png" alt="">')],
  ["alone", /console warning: here/, first('console.warn("here");')],
  ["alone", /error: there/, first('setTimeout(() => { throw new Error("there"); });')],
  ["alone", /request: GET .*x\.css/, instead("<style>", '<link rel="stylesheet" href="x.css"><style>')],
  ["alone", /controls stay hidden/, script("button.hidden = false;", "")],
  ["scriptless", /not that with a script/, first('document.querySelector("h1").append("more");')],
  ["scriptless", /sections without content: leaderboard/, style(":root:not(.js) #leaderboard { display: none }")],
  ["scriptless", /need a script: controls/, style(".controls { display: flex !important }")],
  ["layout", /at 360: the document scrolls sideways/, body('<div><p>x</p></div><pre style="width: 500px; max-width: none">x</pre>')],
  ["layout", /at 1280: .*"far" is from/, body('<div style="overflow: hidden"><p style="position: relative; left: 1200px">far</p></div>')],
  ["layout", /is cut/, style(".facts > div { height: 20px; overflow: hidden }")],
  ["layout", /is outside of its figure/, style(".chart text { transform: translateX(-3em) }")],
  ["layout", /lie on each other/, style(".chart .tick { font-size: 60px !important }")],
  ["layout", /wider than its cell/, style("#trials td { max-width: 2rem }")],
  ["sorting", /before/, script("return sign * compare(a.key, b.key);", "return compare(a.key, b.key);")],
  ["sorting", /aria-sort is none/, script('head.setAttribute("aria-sort", order);', "")],
  ["sorting", /several heads/, script('other.setAttribute("aria-sort", "none");', "{}")],
  ["sorting", /after empty/, script("return (a.key === null) - (b.key === null);", "return (b.key === null) - (a.key === null);")],
  ["sorting", /aria-sort is/, script('head.querySelector("button").addEventListener("click", () => {', 'head.querySelector("button").addEventListener("pointerdown", () => {')],
  ["filtering", /rows, not/, script("words.every(", "!words.length || words.some(")],
  ["filtering", /it says ""/, script("if (said) said.textContent", "if (!said) said.textContent")],
  ["filtering", /do not come back/, script("row.hidden = !words.every((word) => text.includes(word));", "row.hidden ||= !words.every((word) => text.includes(word));")],
  ["hints", /no hint/, script("tip.hidden = false;", "")],
  ["hints", /the hint is/, script("tip.textContent = element.dataset.tip;", 'tip.textContent = "what?";')],
  ["hints", /not inside the window/, style("#tip { left: -4rem !important }")],
  ["hints", /Escape does not/, script('event.key === "Escape"', 'event.key === "Enter"')],
  ["hints", /ArrowRight to mark 1: no hint/, script("ArrowRight: 1", "ArrowDown: 1")],
  ["hints", /something covers/, style(".chart .over, .chart .chosen { pointer-events: all !important }")],
  ["hints", /reaches no mark/, style(".chart [data-tip], .chart [data-tip] * { pointer-events: none !important }")],
  ["linked", /are not lit/, script('other.classList.add("on");', "{}")],
  ["linked", /other keys are lit/, script('all(\'[data-key="\' + CSS.escape(own) + \'"]\')', 'all("[data-key]")')],
  ["linked", /is not dimmed/, script('root.classList.toggle("dim", lit.length > 0);', "")],
  ["linked", /still lit/, script('for (const other of lit) other.classList.remove("on");', "")],
  ["theme", /after a click: the page is/, script("root.dataset.theme = theme()", "root.dataset.else = theme()")],
  ["theme", /after a reload: the page is/, script('localStorage.setItem("theme", theme);', "")],
  ["theme", /dark system, as opened: the page is light/, style(":root, :root:not([data-theme=light]) { --paper: #fff !important }")],
  ["theme", /as bright as the page/, style("h1 { color: var(--paper) }")],
  ["theme", /charts keep/, style(".chart { fill: #777 }")],
  ["theme", /the button says/, script('dark.addEventListener("change", label);', "")],
  ["print", /are closed on paper/, script('folded = all("details:not([open])");', "")],
  ["print", /after printing/, script('addEventListener("afterprint",', 'addEventListener("after",')],
  ["print", /verdict is not on paper/, style("@media print { .lead { font-size: 0 } }")],
  ["print", /leaderboard not on paper/, style("@media print { #leaderboard td { color: transparent; font-size: 0 } }")],
  ["print", /words are not on paper/, style("@media print { #metrics dd { height: 1px; overflow: hidden } }")],
  ["print", /words are not on paper/, style("@media print { .terms { white-space: nowrap; font-size: 20pt } }")],
  ["accessibility", /color-contrast \(serious\)/, style(":root .meta { color: #bbb }")],
  ["accessibility", /dark, 1280: color-contrast/, style(":root[data-theme=dark] .kicker, :root:not([data-theme=light]) .kicker { color: #333 }")],
  ["accessibility", /button-name \(critical\)/, body("<button></button>")],
  ["accessibility", /heading-order/, body("<h6>x</h6>")],
];

const [path] = process.argv.slice(2);
const page = readFileSync(path, "utf8");
const folder = mkdtempSync(join(tmpdir(), "broken-"));
let unnoticed = 0;
try {
  await inBrowsers(BREAKS, async (browser, [check, wanted, change, more = {}], place) => {
    const copy = join(folder, `${place}.html`);
    writeFileSync(copy, change(page));
    const found = (text) => wanted.test(text);
    const { problems } = await run(check, { browser, path: copy, ...more }, found);
    if (problems.some(found)) return;
    unnoticed += 1;
    console.log(`UNNOTICED ${check}: nothing like ${wanted}; it found ${JSON.stringify(problems.slice(0, 3))}`);
  });
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`${BREAKS.length - unnoticed} of ${BREAKS.length} broken pages were found out`);
process.exit(unnoticed ? 1 : 0);
