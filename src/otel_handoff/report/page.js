"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);
const entries = all(".cause li");
const search = one("#search");
const help = one("dialog");
const views = one(".views");
let current = null;
let view = { zoom: 1, left: 0 };

function make(tag, text, style = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = style;
  return element;
}

async function unpack(template) {
  const packed = Uint8Array.from(atob(template.content.textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

// The drawings beyond the first are packed, some together, and are put on the page when one of them is wanted.
const unfolding = new Map();

function unfold(pack) {
  if (!unfolding.has(pack)) unfolding.set(pack, putOut(pack));
  return unfolding.get(pack);
}

async function putOut(pack) {
  const box = document.createElement("template");
  box.innerHTML = await unpack(pack); // it was escaped as all of the page was
  for (const article of box.content.children) article.hidden = true;
  views.append(box.content);
  pack.remove();
}

// The time that is seen is from `left` on, of 1, a `zoom`th of it.
function draw() {
  const most = 1 - 1 / view.zoom;
  view.left = Math.min(most, Math.max(0, view.left));
  const inner = one(".inner", current);
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

async function show() {
  const name = location.hash.slice(1);
  const pack = all(".pack").find((each) => each.dataset.names.split(" ").includes(name));
  try {
    if (pack) await unfold(pack);
  } catch {
    one("#answer").hidden = false;
    one("#answer").replaceChildren(make("p", "This drawing is packed, and this browser cannot unpack it: it takes one of 2023 or later."));
    return;
  }
  if (name !== location.hash.slice(1)) return; // another was asked for meanwhile
  const articles = all("article[id]", views);
  const wanted = articles.find((article) => article.id === name) || articles[0];
  if (wanted === current) return;
  if (current) reset();
  current = wanted;
  for (const article of articles) article.hidden = article !== current;
  for (const entry of entries) {
    const link = one("a", entry);
    if (link && link.hash === `#${current.id}`) {
      link.setAttribute("aria-current", "true");
      reveal(link);
      point(entry);
    } else if (link) link.removeAttribute("aria-current");
  }
  reset();
}

// Within the list: the page stays where it is.
function reveal(link) {
  const list = one(".causes");
  const [box, seen] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
  if (box.top < seen.top) list.scrollTop += box.top - seen.top;
  else if (box.bottom > seen.bottom) list.scrollTop += box.bottom - seen.bottom;
}

// Not by `location.hash`, which would scroll the strip and the list away, each time.
async function go(link) {
  if (link.hash !== location.hash) history.pushState(null, "", link.hash);
  await show();
  const { top, bottom } = current.getBoundingClientRect();
  if (top > innerHeight - 120 || bottom < 120) current.scrollIntoView();
}

function step(by) {
  const links = all(".cause li:not([hidden]) a");
  if (!links.length) return;
  const index = links.findIndex((link) => link.hash === (location.hash || `#${current.id}`));
  go(links[index < 0 ? 0 : (index + by + links.length) % links.length]);
}

// What is copied is shown to have been.
async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = make("textarea", text); // a page that was not got over HTTPS
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}
