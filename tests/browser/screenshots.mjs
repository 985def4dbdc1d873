// Pictures of a report, for docs: those of its top are of fixed sizes, those of sections as large as these are.
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { launch, open } from "./browser.mjs";

const USAGE = `usage: node screenshots.mjs PAGE.html OUTDIR [--name NAME] [--section ID]... [--scale N]

Writes the top of the report as NAME-light.png and NAME-dark.png (1280 x 1480) and NAME-narrow.png (360 x 800),
and NAME-ID.png for each section or figure, at 1280. --scale is the pixels per CSS pixel (1).`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: "string" },
    section: { type: "string", multiple: true, default: [] },
    scale: { type: "string", default: "1" },
  },
});
const [path, folder] = positionals;
if (!folder) {
  console.error(USAGE);
  process.exit(2);
}
const name = values.name ?? basename(path, ".html");
mkdirSync(folder, { recursive: true });

/** Pixels of page around a section. */
const MARGIN = 16;

const TOPS = [
  { suffix: "light", colorScheme: "light", width: 1280, height: 1480 },
  { suffix: "dark", colorScheme: "dark", width: 1280, height: 1480 },
  { suffix: "narrow", colorScheme: "light", width: 360, height: 800 },
];
const browser = await launch();
try {
  const options = (top) => ({
    viewport: { width: top.width, height: top.height },
    colorScheme: top.colorScheme,
    deviceScaleFactor: Number(values.scale),
  });
  const written = (suffix) => join(folder, `${name}-${suffix}.png`);
  for (const top of TOPS) {
    const { page, close } = await open(browser, path, options(top));
    await page.screenshot({ path: written(top.suffix), animations: "disabled" });
    await close();
  }
  const { page } = await open(browser, path, options(TOPS[0]));
  for (const id of values.section) {
    const section = page.locator(`[id="${id}"], [id="figure-${id}"]`).first();
    if (await section.count() === 0) throw new Error(`${path} has no section or figure "${id}"`);
    const box = await section.boundingBox();
    const clip = {
      x: Math.floor(box.x) - MARGIN,
      y: Math.max(0, Math.floor(box.y) - MARGIN),
      width: Math.ceil(box.width) + 2 * MARGIN,
      height: Math.ceil(box.height) + 2 * MARGIN,
    };
    await page.screenshot({ path: written(id), clip, fullPage: true, animations: "disabled" });
  }
} finally {
  await browser.close();
}
