// What a file that is complete and alone does when it is opened.
import { statSync } from "node:fs";
import { open } from "./browser.mjs";

/** All that a reader is told, without what only a script makes of it. */
const told = (page) => page.evaluate(() => {
  const copy = document.body.cloneNode(true);
  for (const made of copy.querySelectorAll("script, #theme, .controls, .copy, #tip")) made.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
});

/** Nothing is said on the console, nothing fails, nothing is fetched but the file. */
export async function alone({ browser, path, problem }) {
  const { page, seen, asked, close } = await open(browser, path);
  // Fetches of a script that waits would come now.
  await page.waitForTimeout(200);
  await page.mouse.wheel(0, 2000);
  await page.waitForTimeout(100);
  for (const event of seen) problem(event);
  if (asked() !== 1) problem(`the file was asked for ${asked()} times`);
  const hidden = await page.evaluate(() =>
    Array.from(document.querySelectorAll("#theme, .controls, .copy"))
      .filter((part) => !part.checkVisibility() && !part.closest("details:not([open])")).length);
  if (hidden) problem(`${hidden} controls stay hidden with a script`);
  await close();
}

/** Without a script everything is there to read, and nothing that would not work. */
export async function scriptless({ browser, path, problem }) {
  const one = await open(browser, path);
  const full = await told(one.page);
  await one.close();
  const { page, seen, close } = await open(browser, path, { javaScriptEnabled: false });
  for (const event of seen) problem(event);
  const bare = await told(page);
  if (bare.length < 2000) problem(`only ${bare.length} characters are there`);
  if (bare !== full) problem("the text is not that with a script");
  const facts = await page.evaluate(() => {
    const shown = (part) => part.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const of = (selector) => Array.from(document.querySelectorAll(selector));
    return {
      sections: of("main > section").filter((part) => !shown(part) || part.innerText.length < 20).map((part) => part.id),
      rows: of("#leaderboard tbody tr").filter((row) => !shown(row)).length,
      useless: of("#theme, .controls, .copy, #tip").filter(shown).map((part) => part.id || part.className),
    };
  });
  if (facts.sections.length) problem(`sections without content: ${facts.sections}`);
  if (facts.rows) problem(`${facts.rows} rows of the leaderboard are hidden`);
  if (facts.useless.length) problem(`shown, though they need a script: ${facts.useless}`);
  const folded = page.locator("details:not([open]) > summary");
  if (await folded.count()) {
    const before = await folded.count();
    await folded.first().click();
    if (await folded.count() !== before - 1) problem("a fold does not open");
  }
  await close();
}

/** The load event and one frame after it come in time; the best of three, for machines are busy. */
export async function quick({ browser, path, within, problem, note }) {
  let best = Infinity;
  for (let run = 0; run < 3; run += 1) {
    const { page, close } = await open(browser, path);
    // Since the navigation began.
    const spent = await page.evaluate(() => new Promise((done) => {
      requestAnimationFrame(() => done(performance.now()));
    }));
    best = Math.min(best, spent);
    await close();
  }
  note(`${Math.round(best)} ms`);
  if (best >= within) problem(`${Math.round(best)} ms until it is loaded and drawn, not below ${within}`);
}

export async function light({ path, below, problem, note }) {
  const { size } = statSync(path);
  note(`${size.toLocaleString("en")} bytes`);
  if (size >= below) problem(`${size} bytes, not below ${below}`);
}
