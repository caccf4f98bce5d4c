// What is searched, each with its text: the rows of the drawings, and every submission once it is asked for.
const MOST_TOLD = 10;
const LONGEST = 160; // ids are cut there
let drawnRows = null;
let submissions = null;

async function readRows() {
  await Promise.all(all(".pack").map(unfold));
  return all(".row[data-ids]").map((row) => ({
    row, link: `#${row.closest("article").id}`,
    text: [one(".work title", row).textContent, row.dataset.ids, ...all(".call", row).map((call) => call.dataset.span)].join(" ").toLowerCase(),
  }));
}

async function readSubmissions() {
  const text = await unpack(one("#index"));
  return text.split("\n").slice(0, -1).map((line) => {
    const [wrong, name, time, ids, span] = line.split("\t");
    return { wrong, name, time, ids, text: `${name} ${time} ${ids} ${span}`.toLowerCase() };
  });
}

async function find() {
  const wanted = search.value;
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean).map((word) => word.slice(0, LONGEST));
  const has = (text) => words.every((word) => text.includes(word));
  const found = entries.filter((entry) => has(`${entry.textContent} ${entry.dataset.ids}`.toLowerCase()));
  mark(words, new Set(found), new Map());
  one("#found").textContent = words.length && entries.length ? `${found.length} of ${entries.length}` : "";
  const box = one("#answer");
  box.hidden = !words.length;
  box.ariaBusy = "true";
  const beside = new Map();
  try {
    drawnRows ??= readRows();
    for (const { row, link, text } of await drawnRows) {
      const hit = words.length > 0 && has(text);
      row.classList.toggle("hit", hit);
      if (hit) beside.set(link, [...(beside.get(link) || []), `#${row.dataset.number}`]);
    }
  } catch {
    drawnRows = null; // a browser of before 2023
  }
  if (search.value !== wanted) return;
  mark(words, new Set(found), beside);
  if (words.length) await answer(words, has, found.length + beside.size > 0);
}

function mark(words, found, beside) {
  for (const entry of entries) {
    const link = one("a", entry);
    const drawn = found.has(entry) ? null : beside.get(link && link.hash);
    entry.dataset.missed = found.has(entry) || drawn ? "0" : "1";
    if (drawn) entry.dataset.beside = `${drawn.join(", ")} is drawn beside it`;
    else delete entry.dataset.beside;
  }
  refresh();
}

// Which submissions have what is searched for, whether or not anything is wrong about them.
async function answer(words, has, listed) {
  const box = one("#answer");
  const wanted = search.value;
  let known = [];
  let whole = one("#index").dataset.holds === "whole";
  try {
    submissions ??= readSubmissions();
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

const keys = {
  n: () => step(1), p: () => step(-1), "/": () => search.focus(), "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5),
  0: reset, ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), "?": () => help.showModal(), Escape: clear,
  "[": () => brushTo("from"), "]": () => brushTo("to"),
};
const buttons = {
  in: () => zoom(1.5), out: () => zoom(1 / 1.5), reset, help: () => help.showModal(), clear,
  records: async (button) => copy(button, await unpack(one("#records"))),
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
addEventListener("click", (event) => {
  const link = event.target.closest(".cause a");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    go(link);
  }
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy !== undefined) copy(button, button.dataset.copy);
  else if (button.dataset.do) buttons[button.dataset.do](button);
});
addEventListener("beforeprint", () => {
  for (const details of all("details")) details.open = true;
});
if (views) {
  if (strip) listen();
  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (event.target === search || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
  views.addEventListener("wheel", (event) => {
    const time = event.target.closest(".time");
    if (!time || (!event.ctrlKey && !event.metaKey)) return; // the page scrolls
    event.preventDefault();
    const box = time.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 200), (event.clientX - box.left) / box.width);
  }, { passive: false });
  views.addEventListener("pointerdown", (event) => event.target.closest(".time")?.setPointerCapture(event.pointerId));
  views.addEventListener("pointermove", (event) => {
    const time = event.target.closest(".time");
    if (time && event.buttons & 1) pan(-event.movementX / time.clientWidth);
  });
  show();
}
