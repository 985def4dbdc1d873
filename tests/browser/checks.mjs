// All checks by name, and how one is run.
import { accessibility } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { hints, linked } from "./hints.mjs";
import { layout } from "./layout.mjs";
import { alone, light, quick, scriptless } from "./opening.mjs";
import { print } from "./print.mjs";
import { filtering, sorting } from "./tables.mjs";
import { theme } from "./theme.mjs";

export const CHECKS = {
  light, quick, alone, scriptless, layout, sorting, filtering, hints, linked, theme, print, accessibility,
};

/** So many browsers at a time: checks mostly wait for frames to be drawn. */
const BROWSERS = 4;

/** Gives each of the tasks a browser without pages, several at a time; `work(browser, task, place)`. */
export async function inBrowsers(tasks, work) {
  const queue = tasks.map((task, place) => [task, place]);
  const worker = async () => {
    const browser = await launch();
    try {
      while (queue.length) {
        const [task, place] = queue.shift();
        await work(browser, task, place);
        await Promise.all(browser.contexts().map((context) => context.close()));
      }
    } finally {
      await browser.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(BROWSERS, tasks.length) }, worker));
}

/** What is wrong with a page by one check, until `enough` of the problems, and what else there is to tell of it. */
export async function run(name, given, enough = () => false) {
  const problems = [];
  const notes = [];
  const problem = (text) => {
    problems.push(text);
    if (enough(text)) throw new Enough();
  };
  try {
    await CHECKS[name]({ within: Infinity, below: Infinity, ...given, problem, note: (text) => notes.push(text) });
  } catch (error) {
    if (!(error instanceof Enough)) problems.push(error.stack);
  }
  return { problems, notes };
}

class Enough extends Error {}
