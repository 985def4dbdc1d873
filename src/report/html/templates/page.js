// Sorting, filtering, hints, linked highlighting, theme. The page is complete without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, of = document) => Array.from(of.querySelectorAll(selector));
  root.classList.add("js");

  // Theme: what the system says, until the reader says otherwise.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = {
    get() { try { return localStorage.getItem("theme"); } catch { return null; } },
    set(theme) { try { localStorage.setItem("theme", theme); } catch { /* Remembered by nobody, then. */ } },
  };
  const button = document.getElementById("theme");
  const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => {
    const other = theme() === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", "Switch to the " + other + " theme");
  };
  if (["light", "dark"].includes(stored.get())) root.dataset.theme = stored.get();
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    stored.set(root.dataset.theme);
    label();
  });
  dark.addEventListener("change", label);
  label();

  // Sorting: stable, by data-value where there is one; what has no value is last in both directions.
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return null;
    const text = cell.dataset.value ?? (cell.classList.contains("num") ? "" : cell.textContent.trim());
    if (text === "") return null;
    const number = Number(text);
    return Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  for (const head of all("th[aria-sort]")) {
    head.querySelector("button").addEventListener("click", () => {
      const table = head.closest("table");
      const first = head.classList.contains("num") ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of all("th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const body = table.tBodies[0];
      const rows = Array.from(body.rows, (row) => ({ row, key: key(row, head.cellIndex) }));
      rows.sort((a, b) => {
        if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
        return sign * compare(a.key, b.key);
      });
      body.append(...rows.map(({ row }) => row));
    });
  }

  // Filtering: a row stays if it holds every word.
  for (const input of all("input[data-filter]")) {
    // The table of this name, or the one in the section of this name.
    const name = CSS.escape(input.dataset.filter);
    const table = document.querySelector("table#" + name + ", #" + name + " table");
    const said = document.querySelector('[data-count="' + input.dataset.filter + '"]');
    const rows = Array.from(table.tBodies[0].rows, (row) => ({ row, text: row.textContent.toLowerCase() }));
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const { row, text } of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        left += row.hidden ? 0 : 1;
      }
      if (said) said.textContent = words.length ? left + " of " + rows.length : "";
    };
    input.addEventListener("input", filter);
    filter();
  }

  // Hints: by mouse, touch and keyboard. Text only, whatever it says.
  const tip = document.getElementById("tip");
  let told = null;
  // Whether the keyboard asked: then scrolling moves the hint and does not hide it.
  let byKey = false;
  const place = (x, y) => {
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, x - box.width / 2), innerWidth - box.width - 8);
    const above = y - box.height - 12;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = (above > 8 ? above : y + 18) + "px";
  };
  const hide = () => {
    if (told) told.removeAttribute("aria-describedby");
    told = null;
    byKey = false;
    tip.hidden = true;
  };
  const show = (element, x, y) => {
    if (told !== element) {
      hide();
      told = element;
      tip.textContent = element.dataset.tip;
      tip.hidden = false;
      element.setAttribute("aria-describedby", "tip");
    }
    byKey = x === undefined;
    if (byKey) {
      const box = element.getBoundingClientRect();
      [x, y] = [box.left + box.width / 2, box.top];
    }
    place(x, y);
  };
  const hinted = (target) => target instanceof Element ? target.closest("[data-tip]") : null;

  // Linked highlighting: all that has the same key, in every table and figure.
  let lit = [];
  let litKey = null;
  const light = (target) => {
    const element = target instanceof Element ? target.closest("[data-key]") : null;
    const own = element ? element.dataset.key : null;
    if (own === litKey) return;
    for (const other of lit) other.classList.remove("on");
    litKey = own;
    lit = own ? all('[data-key="' + CSS.escape(own) + '"]') : [];
    for (const other of lit) other.classList.add("on");
    root.classList.toggle("dim", lit.length > 0);
  };
  document.addEventListener("pointermove", (event) => {
    const element = hinted(event.target);
    if (element) show(element, event.clientX, event.clientY); else hide();
    light(event.target);
  });
  document.addEventListener("pointerdown", (event) => {
    const element = hinted(event.target);
    if (element) show(element, event.clientX, event.clientY); else hide();
    light(event.target);
  });
  document.addEventListener("focusin", (event) => {
    const element = hinted(event.target);
    if (element && event.target.matches(":focus-visible")) show(element); else hide();
    light(event.target);
    mark = -1;
  });
  // In a chart that has the focus the arrows go from mark to mark.
  let mark = -1;
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const box = document.activeElement;
    if (!step || !box.matches(".scroll")) return;
    const marks = all("svg [data-tip]", box);
    if (!marks.length) return;
    event.preventDefault();
    mark = Math.min(Math.max(mark + step, 0), marks.length - 1);
    marks[mark].scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
    show(marks[mark]);
    light(marks[mark]);
  });
  document.addEventListener("focusout", () => { hide(); light(null); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { hide(); light(null); } });
  addEventListener("scroll", () => { if (told && byKey) show(told); else hide(); }, { passive: true, capture: true });

  // Boxes that scroll and charts are stops for the keyboard, others are not.
  const boxes = all(".scroll[tabindex], pre[tabindex]");
  const stops = () => {
    for (const box of boxes) {
      if (box.scrollWidth > box.clientWidth || box.querySelector("svg [data-tip]")) box.tabIndex = 0; else box.removeAttribute("tabindex");
    }
  };
  for (const part of all("details")) part.addEventListener("toggle", stops);
  addEventListener("resize", stops);
  stops();

  // Where one is, in the contents.
  const links = new Map(all("#contents a").map((link) => [link.hash.slice(1), link]));
  const sections = all("main > section");
  const locate = () => {
    const line = innerHeight / 3;
    let current = sections[0];
    for (const section of sections) if (section.getBoundingClientRect().top <= line) current = section;
    if (innerHeight + scrollY >= document.body.scrollHeight - 2) current = sections[sections.length - 1];
    for (const [id, link] of links) {
      if (current && id === current.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; locate(); });
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  locate();

  // Paper has no folds.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

  // Copying, where the browser lets a file do that.
  for (const copy of all("button.copy")) {
    const text = document.getElementById(copy.dataset.of).textContent;
    copy.hidden = false;
    const select = () => {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(copy.dataset.of));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      copy.textContent = "Selected: copy it now";
    };
    copy.addEventListener("click", () => {
      if (!navigator.clipboard) return select();
      navigator.clipboard.writeText(text).then(() => { copy.textContent = "Copied"; }, select);
    });
  }
})();
