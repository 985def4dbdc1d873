// Light and dark: what the system says, what the reader says, and that it is remembered.
import { drawn, open } from "./browser.mjs";

const look = (page) => page.evaluate(() => {
  const parts = getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number);
  const paper = parts.reduce((sum, part) => sum + part, 0) / 3;
  const ink = getComputedStyle(document.querySelector("h1")).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  const chart = document.querySelector(".chart");
  const said = document.getElementById("theme");
  return {
    dark: paper < 128,
    readable: Math.abs(paper - ink.reduce((sum, part) => sum + part, 0) / 3) > 128,
    chart: chart ? getComputedStyle(chart).fill : null,
    label: `${said.textContent} / ${said.getAttribute("aria-label")}`,
  };
});

export async function theme({ browser, path, problem }) {
  for (const scheme of ["light", "dark"]) {
    const { page, seen, close } = await open(browser, path, { colorScheme: scheme });
    const expect = async (dark, when) => {
      const now = await look(page);
      if (now.dark !== dark) problem(`${scheme} system, ${when}: the page is ${now.dark ? "dark" : "light"}`);
      if (!now.readable) problem(`${scheme} system, ${when}: text is as bright as the page`);
      const other = dark ? "Light" : "Dark";
      if (!now.label.startsWith(other) || !now.label.includes(other.toLowerCase())) {
        problem(`${scheme} system, ${when}: the button says ${now.label}`);
      }
      return now;
    };
    const before = await expect(scheme === "dark", "as opened");
    await page.locator("#theme").click();
    const after = await expect(scheme !== "dark", "after a click");
    if (before.chart !== null && before.chart === after.chart) problem("charts keep their colors");
    await page.reload({ waitUntil: "load" });
    await expect(scheme !== "dark", "after a reload");
    await page.locator("#theme").focus();
    await page.keyboard.press("Enter");
    await expect(scheme === "dark", "after Enter");
    await page.evaluate(() => localStorage.removeItem("theme"));
    await page.reload({ waitUntil: "load" });
    await page.emulateMedia({ colorScheme: scheme === "dark" ? "light" : "dark" });
    await drawn(page);
    await expect(scheme !== "dark", "when the system changes");
    for (const event of seen) problem(event);
    await close();
  }
}
