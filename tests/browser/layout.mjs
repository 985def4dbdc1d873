// Nothing is cut, nothing sticks out, at a telephone's width, a laptop's and a large screen's.
import { open, unfold } from "./browser.mjs";

const WIDTHS = [360, 1280, 2560];

/** Whatever sticks out or is cut, in words. Runs in the page. */
function faults() {
  const found = [];
  const root = document.documentElement;
  const name = (part) => {
    const id = part.closest("[id]")?.id ?? "";
    return `${part.tagName.toLowerCase()} in #${id} "${(part.textContent ?? "").trim().slice(0, 40)}"`;
  };
  const all = (selector, of = document) => Array.from(of.querySelectorAll(selector));
  // What only readers of screens are to find.
  const aside = (part) => part.closest(".sr, .skip, [hidden]") !== null;
  if (root.scrollWidth > root.clientWidth) {
    found.push(`the document scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  }
  for (const part of all("body *")) {
    if (aside(part) || !part.checkVisibility()) continue;
    const style = getComputedStyle(part);
    const drawn = part instanceof SVGElement;
    if (!drawn && !part.parentElement.closest(".scroll, pre")) {
      const box = part.getBoundingClientRect();
      if (box.width && (box.left < -0.5 || box.right > root.clientWidth + 0.5)) {
        found.push(`${name(part)} is from ${box.left} to ${box.right}`);
      }
    }
    const cuts = ["hidden", "clip"].some((way) => style.overflowX === way || style.overflowY === way);
    if (!drawn && cuts && (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1)) {
      found.push(`${name(part)} is cut: ${part.scrollWidth} x ${part.scrollHeight} in ${part.clientWidth} x ${part.clientHeight}`);
    }
    if (style.textOverflow === "ellipsis") found.push(`${name(part)} ends in dots`);
  }
  for (const cell of all("td, th")) {
    if (cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1) {
      found.push(`${name(cell)} is wider than its cell: ${cell.scrollWidth} > ${cell.clientWidth}`);
    }
  }
  for (const svg of all("svg")) {
    if (!svg.checkVisibility()) continue;
    const frame = svg.getBoundingClientRect();
    const texts = all("text", svg).map((text) => ({ text, box: text.getBoundingClientRect() }));
    for (const { text, box } of texts) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        found.push(`${name(text)} is outside of its figure`);
      }
    }
    for (const [place, one] of texts.entries()) {
      for (const other of texts.slice(place + 1)) {
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        // Lines of text touch with what no letter fills.
        if (across > 1 && down > 0.35 * Math.min(one.box.height, other.box.height)) {
          found.push(`${name(one.text)} and "${other.text.textContent}" lie on each other`);
        }
      }
    }
  }
  return found;
}

export async function layout({ browser, path, problem }) {
  for (const width of WIDTHS) {
    const { page, close } = await open(browser, path, { viewport: { width, height: 900 } });
    for (const folded of [true, false]) {
      if (!folded) await unfold(page);
      for (const fault of new Set(await page.evaluate(faults))) problem(`at ${width}: ${fault}`);
    }
    await close();
  }
}
