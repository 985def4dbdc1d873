// Sorting and filtering, against orders and counts that are worked out here.
import { open, unfold } from "./browser.mjs";

/** The ids of tables that sort and filter: by a click on their heads, and by the field that names them. */
const TABLES = ["leaderboard", "trials"];

const shown = (page, id) => page.evaluate((id) => {
  const table = document.querySelector(`table#${id}, #${id} table`);
  return Array.from(table.tBodies[0].rows)
    .filter((row) => row.checkVisibility())
    .map((row) => ({
      text: row.textContent.toLowerCase(),
      keys: Array.from(row.cells, (cell) => cell.dataset.value ?? (cell.matches(".num") ? "" : cell.textContent.trim())),
    }));
}, id);

/** Whether the values go one way, numbers as numbers, and what is empty is last. */
function disorder(keys, sign) {
  const first = keys.indexOf("");
  const values = first < 0 ? keys : keys.slice(0, first);
  if (first >= 0 && keys.slice(first).some((key) => key !== "")) return "a value after empty ones";
  const numbers = values.every((key) => !Number.isNaN(Number(key)));
  for (let at = 1; at < values.length; at += 1) {
    const [a, b] = [values[at - 1], values[at]];
    const order = numbers ? a - b : a.localeCompare(b, "en", { numeric: true });
    if (sign * order > 0) return `${a} before ${b}`;
  }
  return null;
}

/** Presses a head of a column: in the first and last by mouse, then by keyboard, in others as both end up doing. */
async function press(page, button, real, again) {
  if (!real) return button.evaluate((button) => button.click());
  if (!again) return button.click();
  await button.focus();
  return page.keyboard.press("Enter");
}

export async function sorting({ browser, path, problem }) {
  const { page, seen, close } = await open(browser, path);
  await unfold(page);
  for (const id of TABLES) {
    const heads = page.locator(`table#${id}, #${id} table`).first().locator("th[aria-sort]");
    const columns = await heads.evaluateAll((heads) => heads.map((head) => ({
      name: head.innerText.trim(),
      directions: head.matches(".num") ? ["descending", "ascending"] : ["ascending", "descending"],
      index: head.cellIndex,
    })));
    if (!columns.length) problem(`${id}: no head sorts`);
    const all = (await shown(page, id)).length;
    for (const [column, { name, directions, index }] of columns.entries()) {
      const real = column === 0 || column === columns.length - 1;
      for (const [again, direction] of directions.entries()) {
        await press(page, heads.nth(column).getByRole("button"), real, again > 0);
        const where = `${id}, ${name}, ${direction}`;
        const said = await heads.evaluateAll((heads) => heads.map((head) => head.getAttribute("aria-sort")));
        if (said[column] !== direction) problem(`${where}: aria-sort is ${said[column]}`);
        if (said.some((way, other) => other !== column && way !== "none")) problem(`${where}: several heads say that they sort`);
        const rows = await shown(page, id);
        if (rows.length !== all) problem(`${where}: ${rows.length} rows of ${all}`);
        const wrong = disorder(rows.map((row) => row.keys[index]), direction === "ascending" ? 1 : -1);
        if (wrong) problem(`${where}: ${wrong}`);
      }
    }
  }
  for (const event of seen) problem(event);
  await close();
}

export async function filtering({ browser, path, problem }) {
  const { page, seen, close } = await open(browser, path);
  await unfold(page);
  for (const id of TABLES) {
    const field = page.locator(`input[data-filter="${id}"]`);
    const count = page.locator(`[data-count="${id}"]`);
    const all = await shown(page, id);
    if (!all.length) {
      problem(`${id}: no row is shown`);
      continue;
    }
    const words = all.at(-1).text.split(/\s+/).filter(Boolean);
    const queries = [words[0], words.slice(0, 2).reverse().join("  ").toUpperCase(), "nothing holds this"];
    for (const query of queries) {
      await field.fill(query);
      const wanted = query.toLowerCase().split(/\s+/);
      const expected = all.filter((row) => wanted.every((word) => row.text.includes(word)));
      const rows = await shown(page, id);
      if (rows.map((row) => row.text).join() !== expected.map((row) => row.text).join()) {
        problem(`${id}, "${query}": ${rows.length} rows, not ${expected.length}`);
      }
      const said = await count.innerText();
      if (said !== `${expected.length} of ${all.length}`) problem(`${id}, "${query}": it says "${said}"`);
    }
    await field.fill("");
    if ((await shown(page, id)).length !== all.length) problem(`${id}: rows do not come back`);
    if (await count.innerText()) problem(`${id}: still says ${await count.innerText()}`);
  }
  for (const event of seen) problem(event);
  await close();
}
