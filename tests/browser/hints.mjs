// Hints of marks by mouse and keyboard, and what is lit together.
import { drawn, open, unfold } from "./browser.mjs";

const tip = (page) => page.evaluate(() => {
  const tip = document.getElementById("tip");
  const box = tip.getBoundingClientRect();
  return {
    shown: tip.checkVisibility(),
    text: tip.textContent,
    inside: box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight,
  };
});

async function expectTip(page, text, where, problem) {
  const said = await tip(page);
  if (!said.shown) problem(`${where}: no hint`);
  else if (said.text !== text) problem(`${where}: the hint is "${said.text}", not "${text}"`);
  else if (!said.inside) problem(`${where}: the hint is not inside the window`);
}

/** Scrolls to the marks of a figure until the mouse can reach one: its text, its key and where it is. Runs in the page. */
function reachable(figure) {
  const ways = [0.5, 0.1, 0.9, 0.3, 0.7];
  const points = (mark) => {
    const box = mark.getBoundingClientRect();
    const inBox = ways.map((way) => ({ x: box.left + way * box.width, y: box.top + way * box.height }));
    const shapes = Array.from(mark.querySelectorAll("*")).concat(mark).filter((shape) => shape instanceof SVGGeometryElement);
    // Lines do not fill their boxes.
    const onLines = shapes.flatMap((shape) => ways.map((way) =>
      shape.getPointAtLength(way * shape.getTotalLength()).matrixTransform(shape.getScreenCTM())));
    return inBox.concat(onLines);
  };
  for (const mark of figure.querySelectorAll("svg [data-tip]")) {
    mark.scrollIntoView({ block: "center", inline: "center" });
    for (const { x, y } of points(mark)) {
      const there = document.elementFromPoint(x, y);
      if (there?.closest("[data-tip]") === mark) {
        return { x, y, text: mark.dataset.tip, key: there.closest("[data-key]")?.dataset.key };
      }
    }
  }
  return null;
}

/** Points at a mark, as a hand does: the mouse still moves when the scrolling that hides hints is over. */
async function point(page, { x, y }) {
  await page.mouse.move(x, y);
  await drawn(page);
  await page.mouse.move(x + 0.25, y);
}

/** The hints of marks in whose middle the mouse finds something that has none. Runs in the page. */
function covered(figure) {
  const marks = Array.from(figure.querySelectorAll("svg circle[data-tip], svg rect[data-tip]"));
  return marks.filter((mark) => {
    mark.scrollIntoView({ block: "center", inline: "center" });
    const box = mark.getBoundingClientRect();
    const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return there && !there.closest("[data-tip]");
  }).map((mark) => mark.dataset.tip);
}

export async function hints({ browser, path, problem, note }) {
  let tried = 0;
  for (const width of [1280, 360]) {
    const { page, seen, close } = await open(browser, path, { viewport: { width, height: 900 } });
    const figures = page.locator("figure:has(svg [data-tip]):visible");
    for (const figure of await figures.all()) {
      const where = `${await figure.getAttribute("id")} at ${width}`;
      const mark = await figure.evaluate(reachable);
      if (!mark) {
        problem(`${where}: the mouse reaches no mark`);
        continue;
      }
      await point(page, mark);
      await expectTip(page, mark.text, where, problem);
      await page.keyboard.press("Escape");
      if ((await tip(page)).shown) problem(`${where}: Escape does not hide the hint`);
      await page.mouse.move(0, 0);
      tried += 1;
      // Keys work alike at all widths; some figures tell whether their hints are inside a narrow window.
      if (width < 1280 && tried % 5) continue;
      for (const text of await figure.evaluate(covered)) problem(`${where}: something covers "${text}"`);
      await byKeys(page, figure, where, problem);
    }
    for (const event of seen) problem(event);
    await close();
  }
  if (!tried) problem("no figure has a mark with a hint");
  note(`${tried} figures`);
}

/** Arrows go from mark to mark in a chart that has the focus. */
async function byKeys(page, figure, where, problem) {
  const texts = await figure.locator("svg [data-tip]").evaluateAll((marks) => marks.map((mark) => mark.dataset.tip));
  const box = figure.locator(".scroll");
  await box.focus();
  if (!await box.evaluate((box) => box === document.activeElement)) problem(`${where}: takes no focus`);
  const last = Math.min(1, texts.length - 1);
  for (const [key, mark] of [["ArrowRight", 0], ["ArrowRight", last], ["ArrowLeft", 0]]) {
    await page.keyboard.press(key);
    // Scrolling moves the hint.
    await drawn(page);
    await expectTip(page, texts[mark], `${where}, ${key} to mark ${mark + 1}`, problem);
  }
  await page.keyboard.press("Escape");
  if ((await tip(page)).shown) problem(`${where}: Escape does not hide the hint of a key`);
  await box.evaluate((box) => box.blur());
}

/** Whether exactly what has this key is lit. */
async function expectLit(page, key, where, problem) {
  const lit = await page.evaluate((key) => {
    const all = Array.from(document.querySelectorAll("[data-key]"));
    const own = all.filter((part) => part.dataset.key === key);
    const other = all.find((part) => part.dataset.key !== key && part.closest("svg"));
    return {
      dark: own.filter((part) => !part.matches(".on")).length,
      wrong: all.filter((part) => part.matches(".on") && part.dataset.key !== key).length,
      tables: own.filter((part) => part.closest("table")).length,
      figures: own.filter((part) => part.closest("svg")).length,
      dim: other ? Number(getComputedStyle(other).opacity) < 1 : true,
    };
  }, key);
  if (lit.dark) problem(`${where}: ${lit.dark} of the same key are not lit`);
  if (lit.wrong) problem(`${where}: ${lit.wrong} of other keys are lit`);
  if (!lit.tables || !lit.figures) problem(`${where}: lit in ${lit.tables} rows and ${lit.figures} marks`);
  if (!lit.dim) problem(`${where}: what has another key is not dimmed`);
}

export async function linked({ browser, path, problem }) {
  const { page, seen, close } = await open(browser, path);
  await unfold(page);
  await page.locator('#leaderboard tr[data-key="v0"] th').hover();
  await expectLit(page, "v0", "a row of the leaderboard", problem);
  const mark = await page.locator("#dots figure").first().evaluate(reachable);
  await point(page, mark);
  await expectLit(page, mark.key, "a mark of a figure", problem);
  await page.locator("#trials tr[data-key] td").first().hover();
  const key = await page.locator("#trials tr[data-key]").first().getAttribute("data-key");
  await expectLit(page, key, "a row of the trials", problem);
  await page.mouse.move(2, 2);
  const left = await page.locator(".on").count();
  if (left) problem(`${left} are still lit when nothing is pointed at`);
  for (const event of seen) problem(event);
  await close();
}
