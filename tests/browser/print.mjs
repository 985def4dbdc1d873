// On paper: everything is unfolded, and all text is on the sheets.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, program } from "./browser.mjs";

/** Text as both a page and a PDF have it: no spaces, no marks of direction, ligatures apart. */
const bare = (text) => text.normalize("NFKC").replace(/[\s\u00ad\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, "");

export async function print({ browser, path, problem, note }) {
  const { page, seen, close } = await open(browser, path);
  // Heard after the page's own listeners.
  await page.evaluate(() => {
    window.folds = { closed: document.querySelectorAll("details:not([open])").length };
    const closed = () => document.querySelectorAll("details:not([open])").length;
    addEventListener("beforeprint", () => { window.folds.before = closed(); });
    addEventListener("afterprint", () => { window.folds.after = closed(); });
  });
  const pdf = await page.pdf({ format: "A4", margin: { top: "15mm", right: "15mm", bottom: "15mm", left: "15mm" } });
  const folds = await page.evaluate(() => window.folds);
  if (folds.before !== 0) problem(`${folds.before} folds are closed on paper`);
  if (folds.after !== folds.closed) problem(`${folds.closed} folds were closed, and ${folds.after} are after printing`);
  const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  if (!pages) problem("no pages");
  note(`${pages} pages`);
  const reader = program("pdftotext");
  if (reader) {
    const folder = mkdtempSync(join(tmpdir(), "report-"));
    const file = join(folder, "report.pdf");
    writeFileSync(file, pdf);
    // What is beyond the edge of a sheet is no part of this.
    const text = execFileSync(reader, ["-raw", file, "-"], { encoding: "utf8", maxBuffer: 1 << 28 });
    await whole(page, text, problem);
    rmSync(folder, { recursive: true });
  } else {
    note("without pdftotext (poppler-utils): text not read");
  }
  for (const event of seen) problem(event);
  await close();
}

/** The verdict, the leaderboard, and every word that the page shows. */
async function whole(page, text, problem) {
  const paper = bare(text);
  await page.emulateMedia({ media: "print" });
  const shown = await page.evaluate(() => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    const text = (selector) => Array.from(document.querySelectorAll(selector), (part) => part.innerText);
    const words = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const part = walk.currentNode.parentElement;
      if (part.closest("script, style, desc, .sr, .skip") || !part.checkVisibility()) continue;
      words.push(...walk.currentNode.data.split(/\s+/));
    }
    return { verdict: text(".lead"), cells: text("#leaderboard tbody tr > *"), words };
  });
  // What runs from right to left is in a PDF in the order in which it is seen, and emoji are pictures; what
  // is too long for a line is broken between other columns.
  const plain = (word) => word.length <= 24 && /^[\x21-\x7e]*$/.test(word);
  const lost = (words) => [...new Set(words)].filter((word) => plain(word) && !paper.includes(bare(word)));
  for (const sentence of shown.verdict) {
    if (!paper.includes(bare(sentence))) problem(`the verdict is not on paper: ${sentence}`);
  }
  const cells = lost(shown.cells.flatMap((cell) => cell.split(/\s+/)));
  if (cells.length) problem(`of the leaderboard not on paper: ${cells.slice(0, 10)}`);
  const words = lost(shown.words);
  if (words.length) problem(`${words.length} words are not on paper: ${words.slice(0, 10).join(" ")}`);
}
