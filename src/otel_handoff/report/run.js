// The strip of the whole run, and what of it is chosen.
const strip = one(".strip");
const chosen = { facets: [new Set(), new Set(), new Set()], from: 0, to: Infinity };
const bins = strip ? Number(strip.dataset.bins) : 1;
const cells = strip ? strip.dataset.cells.split(";").map((cell) => cell.split(",").map(Number)) : [];
const harmless = new Set(strip ? strip.dataset.harmless.split(",").filter(Boolean).map(Number) : []);
const isAll = () => chosen.from === 0 && chosen.to === Infinity && chosen.facets.every((wanted) => !wanted.size);
const isChosen = (bin, facets) =>
  bin >= chosen.from && bin <= chosen.to && facets.every((value, facet) => !chosen.facets[facet].size || chosen.facets[facet].has(value));

// Which entries are seen: those that are chosen, of those that are found.
function refresh() {
  for (const entry of entries) {
    const is = isChosen(Number(entry.dataset.bin), entry.dataset.facets.split(" ").map(Number));
    entry.hidden = !is || entry.dataset.missed === "1";
  }
  for (const cause of all(".cause")) cause.hidden = !one("li:not([hidden])", cause) && (!isAll() || Boolean(search.value));
  if (strip) bars();
}

function bars() {
  const { base, highest, least } = Object.fromEntries(Object.entries(strip.dataset).map(([name, text]) => [name, Number(text)]));
  const counts = new Map();
  const whole = new Map();
  let count = 0;
  for (const [bin, outcome, evidence, boundary, times] of cells) {
    whole.set(bin, (whole.get(bin) || 0) + times);
    const seen = (value, facet) => !chosen.facets[facet].size || chosen.facets[facet].has(value);
    if (![outcome, evidence, boundary].every(seen)) continue;
    const [wrong, spared] = counts.get(bin) || [0, 0];
    counts.set(bin, harmless.has(outcome) ? [wrong, spared + times] : [wrong + times, spared]);
    if (bin >= chosen.from && bin <= chosen.to) count += times;
  }
  const most = Math.max(...whole.values());
  for (const group of all(".bin", strip)) {
    const bin = Number(group.dataset.bin);
    const [wrong, spared] = counts.get(bin) || [0, 0];
    const total = wrong + spared;
    const height = total ? Math.max(least, highest * Math.sqrt(total / most)) : 0;
    const red = total ? height * (wrong / total) : 0; // of all, exactly all: it was a hair more, and the rest negative
    place(one(".wrong", group), base - red, red);
    place(one(".spared", group), base - height, height - red);
    group.classList.toggle("out", bin < chosen.from || bin > chosen.to);
  }
  const brush = one(".brush", strip);
  const isBrushed = chosen.from > 0 || chosen.to < bins - 1;
  brush.toggleAttribute("hidden", !isBrushed);
  if (isBrushed) {
    const to = Math.min(bins - 1, chosen.to);
    brush.setAttribute("x", `${(chosen.from / bins) * 100}%`);
    brush.setAttribute("width", `${((to + 1 - chosen.from) / bins) * 100}%`);
  }
  const total = cells.reduce((sum, cell) => sum + cell[4], 0);
  const number = (value) => value.toLocaleString("en");
  const listed = entries.filter((entry) => !entry.hidden).length;
  const less = listed < count && !search.value ? `, ${number(listed)} listed` : "";
  one("#chosen").textContent = isAll() ? "" : `${number(count)} of ${number(total)}${less}`;
  one('[data-do="clear"]').hidden = isAll();
}

function place(rect, y, height) {
  rect.setAttribute("y", y);
  rect.setAttribute("height", height);
}

// The mark below the strip, at the mismatch that is shown.
function point(entry) {
  if (!strip) return;
  const here = one(".here", strip);
  here.setAttribute("x", `${((Number(entry.dataset.bin) + 0.4) / bins) * 100}%`);
  here.setAttribute("visibility", "visible");
}

function choose(from, to) {
  chosen.from = Math.max(0, Math.min(from, to));
  chosen.to = Math.max(from, to) >= bins - 1 ? Infinity : Math.max(from, to);
  refresh();
}

function clear() {
  for (const wanted of chosen.facets) wanted.clear();
  for (const button of all(".facet button")) button.setAttribute("aria-pressed", "false");
  choose(0, bins - 1);
}

// From the mismatch that is shown on, or up to it.
function brushTo(edge) {
  const entry = entries.find((each) => one("a[aria-current]", each));
  if (!strip || !entry) return;
  const bin = Number(entry.dataset.bin);
  if (edge === "from") choose(bin, Math.max(bin, Math.min(chosen.to, bins - 1)));
  else choose(Math.min(chosen.from, bin), bin);
}

// A click shows the nearest that is listed; dragging chooses a time.
function listen() {
  const binAt = (event) => {
    const box = strip.getBoundingClientRect();
    return Math.min(bins - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * bins)));
  };
  let begun = null;
  strip.addEventListener("pointerdown", (event) => {
    begun = { bin: binAt(event), x: event.clientX, moved: false };
    strip.setPointerCapture(event.pointerId);
  });
  strip.addEventListener("pointermove", (event) => {
    if (!begun || !(event.buttons & 1)) return;
    begun.moved ||= Math.abs(event.clientX - begun.x) > 5;
    if (begun.moved) choose(begun.bin, binAt(event));
  });
  strip.addEventListener("pointerup", (event) => {
    if (begun && !begun.moved) {
      const wanted = binAt(event);
      const far = (entry) => Math.abs(Number(entry.dataset.bin) - wanted);
      const near = entries.filter((entry) => !entry.hidden && one("a", entry)).sort((one_, other) => far(one_) - far(other))[0];
      if (near && far(near) <= Math.max(2, bins / 40)) go(one("a", near));
    }
    begun = null;
  });
  strip.addEventListener("pointercancel", () => (begun = null));
  for (const button of all(".facet button")) {
    button.addEventListener("click", () => {
      const wanted = chosen.facets[button.dataset.facet];
      const value = Number(button.dataset.value);
      const is = !wanted.delete(value) && Boolean(wanted.add(value));
      button.setAttribute("aria-pressed", String(is));
      refresh();
    });
  }
}
