// The browser: which one, and a page of it that keeps a record of what it did.
import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

/** The path of a program on PATH, or null. */
export function program(...names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch { /* Not here. */ }
    }
  }
  return null;
}

export async function launch() {
  const executablePath = program("chromium", "chromium-browser", "google-chrome");
  if (!executablePath) throw new Error("there is no chromium on PATH (Debian: apt-get install chromium)");
  // Root, as in CI, has no sandbox; and the shared memory of containers is small.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export const address = (path) => pathToFileURL(resolve(path)).href;

/**
 * Opens the file in a context of its own, at 1280 x 900 unless said otherwise. `seen` holds what a page that is complete
 * and alone has none of: messages on the console, errors, and requests for anything but the file itself.
 */
export async function open(browser, path, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    // Scrolling is over at once, so there is nothing to wait for.
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  const seen = [];
  let asked = 0;
  page.on("console", (message) => seen.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { seen.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("popup", () => seen.push("a window was opened"));
  page.on("request", (request) => {
    // A reload asks for the file again, and is a navigation.
    if (request.url() === address(path) && request.isNavigationRequest()) asked += 1;
    else seen.push(`request: ${request.method()} ${request.url()}`);
  });
  await page.goto(address(path), { waitUntil: "load" });
  return { page, seen, asked: () => asked, close: () => context.close() };
}

/** Opens all that is folded, as a reader would. */
export const unfold = (page) => page.evaluate(() => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});

/** Until the page has drawn what was done to it, and has been told of scrolling. */
export const drawn = (page) => page.evaluate(() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(done));
}));
