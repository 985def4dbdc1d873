// What axe-core finds, in both themes, narrow and wide.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { open, unfold } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export async function accessibility({ browser, path, folded, problem }) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      // The page's policy would refuse the foreign script.
      const options = { bypassCSP: true, colorScheme, viewport: { width, height: 900 } };
      const { page, close } = await open(browser, path, options);
      if (!folded) await unfold(page);
      await page.addScriptTag({ content: AXE });
      const { violations, passes } = await page.evaluate(
        (values) => window.axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), TAGS);
      if (passes.length < 20) problem(`only ${passes.length} rules had anything to look at`);
      for (const { id, impact, help, nodes } of violations) {
        problem(`${colorScheme}, ${width}: ${id} (${impact}): ${help}; ${nodes.length}, such as ${nodes[0].target} ${nodes[0].failureSummary}`);
      }
      await close();
    }
  }
}
