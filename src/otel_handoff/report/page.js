"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector) => document.querySelector(selector);
const articles = all("article[id]");
const entries = all(".cause li");
const search = one("#search");
const help = one("dialog");
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

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const entry of entries) {
    const text = `${entry.textContent} ${entry.dataset.ids}`.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
    found += !entry.hidden;
  }
  for (const cause of all(".cause")) cause.hidden = !cause.querySelector("li:not([hidden])");
  one("#found").textContent = words.length ? `${found} of ${entries.length}` : "";
}

const keys = {
  n: () => step(1), p: () => step(-1), "/": () => search.focus(), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5),
  0: reset, ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), "?": () => help.showModal(),
};

if (articles.length) {
  addEventListener("hashchange", show);
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const first = one(".cause li:not([hidden]) a");
      if (first) go(first);
    } else if (event.key === "Escape") {
      search.value = "";
      find();
      search.blur();
    }
  });
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
