"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector) => document.querySelector(selector);
const articles = all("article[id]");
const entries = all(".cause li");
const search = one("#search");
const help = one("dialog");
const MOST_TOLD = 10;
const LONGEST = 160; // ids are cut there
let current = null;
let view = { zoom: 1, left: 0 };

// The time that is seen is from `left` on, of 1, a `zoom`th of it.
function draw() {
  const most = 1 - 1 / view.zoom;
  view.left = Math.min(most, Math.max(0, view.left));
  const inner = current.querySelector(".inner");
  inner.setAttribute("width", `${view.zoom * 100}%`);
  inner.setAttribute("x", `${-view.left * view.zoom * 100}%`);
}

function zoom(factor, at = 0.5) {
  const fixed = view.left + at / view.zoom;
  view.zoom = Math.min(200, Math.max(1, view.zoom * factor));
  view.left = fixed - at / view.zoom;
  draw();
}

function pan(share) {
  view.left += share / view.zoom;
  draw();
}

function reset() {
  view = { zoom: 1, left: 0 };
  draw();
}

function show() {
  const wanted = articles.find((article) => `#${article.id}` === location.hash) || articles[0];
  if (wanted === current) return;
  if (current) reset();
  current = wanted;
  for (const article of articles) article.hidden = article !== current;
  for (const link of all(".cause a")) {
    if (link.hash === `#${current.id}`) {
      link.setAttribute("aria-current", "true");
      link.scrollIntoView({ block: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  reset();
}

function go(link) {
  location.hash = link.hash;
  show(); // the event comes later
}

function step(by) {
  const links = all(".cause li:not([hidden]) a");
  if (!links.length) return;
  const index = links.findIndex((link) => link.hash === `#${current.id}`);
  go(links[index < 0 ? 0 : (index + by + links.length) % links.length]);
}

// What is searched, each with its text: the rows of the drawings, and every submission once it is asked for.
const rows = all(".row[data-ids]").map((row) => ({
  row, link: `#${row.closest("article").id}`,
  text: [row.querySelector(".work title").textContent, row.dataset.ids, ...all(".call", row).map((call) => call.dataset.span)].join(" ").toLowerCase(),
}));
let submissions = null;

async function unpack() {
  const packed = Uint8Array.from(atob(one("#index").content.textContent), (letter) => letter.charCodeAt(0));
  const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  return text.split("\n").slice(0, -1).map((line) => {
    const [wrong, name, time, ids, span] = line.split("\t");
    return { wrong, name, time, ids, text: `${name} ${time} ${ids} ${span}`.toLowerCase() };
  });
}

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean).map((word) => word.slice(0, LONGEST));
  const has = (text) => words.every((word) => text.includes(word));
  const beside = new Map();
  for (const { row, link, text } of rows) {
    const hit = words.length > 0 && has(text);
    row.classList.toggle("hit", hit);
    if (hit) beside.set(link, [...(beside.get(link) || []), `#${row.dataset.number}`]);
  }
  let found = 0;
  for (const entry of entries) {
    const link = entry.querySelector("a");
    const named = has(`${entry.textContent} ${entry.dataset.ids}`.toLowerCase());
    const drawn = named ? null : beside.get(link && link.hash);
    found += named;
    entry.hidden = !named && !drawn;
    if (drawn) entry.dataset.beside = `${drawn.join(", ")} is drawn beside it`;
    else delete entry.dataset.beside;
  }
  for (const cause of all(".cause")) cause.hidden = !cause.querySelector("li:not([hidden])");
  one("#found").textContent = words.length && entries.length ? `${found} of ${entries.length}` : "";
  answer(words, has, found + beside.size > 0);
}

// Which submissions have what is searched for, whether or not anything is wrong about them.
async function answer(words, has, listed) {
  const box = one("#answer");
  const wanted = search.value;
  box.hidden = !words.length;
  if (!words.length) return;
  box.ariaBusy = "true";
  let known = [];
  let whole = one("#index").dataset.holds === "whole";
  try {
    submissions ??= unpack();
    known = await submissions;
  } catch {
    whole = false; // a browser of before 2023
  }
  if (search.value !== wanted) return;
  const found = known.filter(({ text }) => has(text));
  const isWrong = ({ wrong }) => wrong !== "no mismatch";
  const kind = ({ wrong }) => (wrong === "no mismatch" ? "clean" : wrong.startsWith("not checked") ? "unknown" : "wrong");
  const inFull = (text) => words.every((word) => text.split(/[\s=]/).includes(word)); // row-5 goes before row-50
  const rank = (each) => (inFull(each.text) ? 0 : 2) + (isWrong(each) ? 0 : 1);
  const told = [0, 1, 2, 3].flatMap((wanted) => found.filter((each) => rank(each) === wanted)).slice(0, MOST_TOLD);
  box.replaceChildren(...told.map((each) => {
    const line = make("p", "", kind(each));
    line.append(make("b", `${each.name}: ${each.wrong}`), make("span", each.time), make("span", each.ids));
    return line;
  }));
  if (found.length > told.length) box.append(make("p", `and ${(found.length - told.length).toLocaleString("en")} more`, "note"));
  if (!found.length && !listed) box.append(make("p", "Nothing on this page has it."));
  if (!whole || (!found.length && !listed)) {
    const note = make("p", "", "note");
    note.append(one("#known").content.cloneNode(true));
    box.append(note);
  }
  box.ariaBusy = "false";
}

function make(tag, text, style = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = style;
  return element;
}

const keys = {
  n: () => step(1), p: () => step(-1), "/": () => search.focus(), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5),
  0: reset, ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), "?": () => help.showModal(),
};

if (search) {
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const first = one(".cause li:not([hidden], [data-beside]) a") || one(".cause li:not([hidden]) a");
      if (first) go(first);
    } else if (event.key === "Escape") {
      search.value = "";
      find();
      search.blur();
    }
  });
}
if (articles.length) {
  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (event.target === search || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
  const buttons = { in: () => zoom(1.5), out: () => zoom(1 / 1.5), reset, help: () => help.showModal() };
  for (const button of all("[data-do]")) button.addEventListener("click", () => buttons[button.dataset.do]());
  for (const time of all(".time")) {
    time.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      const box = time.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 200), (event.clientX - box.left) / box.width);
    }, { passive: false });
    time.addEventListener("pointerdown", (event) => time.setPointerCapture(event.pointerId));
    time.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) pan(-event.movementX / time.clientWidth);
    });
  }
  show();
}
