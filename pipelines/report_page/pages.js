"use strict";

// Filters: a select for each kind of mark, and a search in what is shown. An item is shown when
// all of them agree; a group is shown when one of its items is.
for (const form of document.querySelectorAll(".filters")) {
  const selects = [...form.querySelectorAll("select")];
  const search = form.querySelector("input");
  const output = form.querySelector("output");
  const items = [...document.querySelectorAll("[data-item]")].map((element) => ({
    element,
    marks: element.dataset,
    text: element.textContent.toLowerCase(),
  }));
  const groups = [...document.querySelectorAll("[data-group]")];
  const agrees = (item, but) =>
    item.text.includes(search.value.trim().toLowerCase()) &&
    selects.every((one) => one === but || !one.value || item.marks[one.dataset.by] === one.value);

  const show = (asked) => {
    let shown = 0;
    for (const item of items) {
      item.element.hidden = !agrees(item, null);
      shown += item.element.hidden ? 0 : 1;
    }
    for (const one of selects) {
      const there = new Set(items.filter((item) => agrees(item, one)).map((item) => item.marks[one.dataset.by]));
      for (const option of one.options) option.disabled = option.value !== "" && !there.has(option.value);
    }
    const chosen = search.value.trim() !== "" || selects.some((one) => one.value);
    let visible = 0;
    for (const group of groups) {
      group.hidden = chosen && !group.querySelector("[data-item]:not([hidden])");
      visible += group.hidden ? 0 : 1;
    }
    // A few groups are opened, to be read at once; with nothing chosen any more all are closed.
    for (const group of groups) {
      if (asked && group.matches("details")) group.open = chosen && !group.hidden && visible <= 8;
    }
    output.textContent = `${shown} of ${items.length} ${output.dataset.what}`;
  };

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  form.hidden = false;
  show(null);
}

// One sound at a time.
document.addEventListener(
  "play",
  (event) => {
    for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
  },
  true,
);

// A scene: one sound, of which each turn is a stretch. The turn that is heard is marked.
for (const scene of document.querySelectorAll(".scene")) {
  const audio = scene.querySelector("audio");
  if (!audio) continue;
  const turns = [...scene.querySelectorAll("[data-start]")].map((element) => ({
    element,
    button: element.querySelector("button"),
    start: Number(element.dataset.start),
    end: Number(element.dataset.end),
  }));
  const whole = scene.querySelector(".whole");
  let stopAt = Infinity;

  const mark = () => {
    const now = audio.currentTime;
    if (now >= stopAt) {
      audio.pause();
      stopAt = Infinity;
    }
    for (const turn of turns) {
      const heard = !audio.paused && turn.start <= now && now < turn.end;
      if (heard) turn.element.setAttribute("aria-current", "true");
      else turn.element.removeAttribute("aria-current");
    }
    whole.textContent = audio.paused ? "play the scene" : "pause";
  };
  const frames = () => {
    mark();
    if (!audio.paused) requestAnimationFrame(frames);
  };
  const playFrom = (start, end) => {
    stopAt = end;
    audio.currentTime = start;
    audio.play();
  };

  audio.addEventListener("play", frames);
  // A page in the background, or on a slow machine, is not drawn: the turn ends all the same.
  for (const name of ["pause", "ended", "seeked", "timeupdate"]) audio.addEventListener(name, mark);
  // Whoever moves the player's own handle wants to hear on, beyond the turn.
  audio.addEventListener("seeking", () => {
    if (audio.currentTime > stopAt) stopAt = Infinity;
  });
  whole.hidden = false;
  whole.addEventListener("click", () => (audio.paused ? playFrom(0, Infinity) : audio.pause()));
  for (const [number, turn] of turns.entries()) {
    turn.button.hidden = false;
    turn.button.addEventListener("click", () => playFrom(turn.start, turn.end));
    turn.button.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const next = step && turns[number + step];
      if (!next) return;
      event.preventDefault();
      next.button.focus();
    });
  }
  scene.addEventListener("keydown", (event) => event.key === "Escape" && audio.pause());
}

// A link from the report names a block of records: it is open when one arrives.
const openNamed = () => {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named || !named.matches("details")) return;
  named.open = true;
  named.scrollIntoView();
};
window.addEventListener("hashchange", openNamed);
openNamed();
