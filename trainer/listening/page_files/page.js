"use strict";
(() => {
  const sheet = JSON.parse(document.getElementById("sheet").textContent);
  const items = [...document.querySelectorAll(".item")];
  const start = document.getElementById("start");
  const end = document.getElementById("end");
  const screens = [start, ...items, end];
  const place = `listening:${sheet.sheet}`;
  const state = load();
  let open = []; // the players of the screen that is shown

  // What was kept may be of an older page or changed by hand: only what fits is taken.
  function load() {
    const found = { ratings: {}, heard: {}, at: 0 };
    try {
      const kept = JSON.parse(localStorage.getItem(place)) || {};
      for (const item of sheet.items) {
        if (sheet.scale.includes((kept.ratings || {})[item])) found.ratings[item] = kept.ratings[item];
        const heard = (kept.heard || {})[item];
        found.heard[item] = Array.isArray(heard) ? heard.filter((name) => typeof name === "string") : [];
      }
      if (Number.isInteger(kept.at) && kept.at > 0 && kept.at < screens.length) found.at = kept.at;
    } catch (error) {
      for (const item of sheet.items) found.heard[item] ||= [];
    }
    const first = sheet.items.findIndex((item) => !(item in found.ratings));
    if (first >= 0) found.at = Math.min(found.at, first + 1);
    return found;
  }

  function keep() {
    try {
      localStorage.setItem(place, JSON.stringify(state));
    } catch (error) {
      document.getElementById("not-kept").hidden = false;
    }
  }

  function show(at) {
    open.forEach((player) => player.close());
    open = [];
    screens.forEach((screen, number) => (screen.hidden = number !== at));
    const screen = screens[at];
    const number = items.indexOf(screen);
    if (number >= 0) {
      open = [...screen.querySelectorAll(".player")].map((row) => makePlayer(row, screen));
      refresh(screen);
    }
    if (screen === end) document.getElementById("copy").value = result();
    document.getElementById("count").textContent =
      number < 0 ? "" : sheet.words.count.replace("{at}", number + 1).replace("{all}", items.length);
    document.getElementById("done").value = Object.keys(state.ratings).length;
    window.scrollTo(0, 0);
    screen.focus({ preventScroll: true });
  }

  function go(at) {
    state.at = at;
    keep();
    show(at);
  }

  function refresh(form) {
    const item = form.dataset.item;
    const heard = state.heard[item];
    const rows = [...form.querySelectorAll(".player")];
    rows.forEach((row) => row.classList.toggle("was-heard", heard.includes(row.dataset.player)));
    const ready = rows.every((row) => !("required" in row.dataset) || heard.includes(row.dataset.player));
    form.querySelector("fieldset").disabled = !ready;
    form.querySelector(".listen-first").classList.toggle("met", ready);
    for (const radio of form.querySelectorAll("input[type=radio]"))
      radio.checked = Number(radio.value) === state.ratings[item];
    form.querySelector(".next").disabled = !(item in state.ratings);
    document.getElementById("done").value = Object.keys(state.ratings).length;
  }

  function makePlayer(row, form) {
    const bytes = Uint8Array.from(atob(document.getElementById(row.dataset.sound).textContent), (c) => c.charCodeAt(0));
    const address = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
    const audio = new Audio(address);
    const button = row.querySelector(".play");
    const position = row.querySelector(".position");
    const name = row.querySelector("b").textContent;
    const events = new AbortController();
    const on = (target, kind, act) => target.addEventListener(kind, act, { signal: events.signal });
    const draw = () => {
      row.classList.toggle("playing", !audio.paused);
      button.setAttribute("aria-label", `${audio.paused ? sheet.words.play : sheet.words.pause} ${name}`);
      position.value = audio.duration ? Math.round((1000 * audio.currentTime) / audio.duration) : 0;
    };
    // Heard is what was really played: moving the slider to the end is not listening.
    const listen = () => {
      draw();
      const heard = state.heard[form.dataset.item];
      if (heard.includes(row.dataset.player) || !audio.duration) return;
      let seconds = 0;
      for (let n = 0; n < audio.played.length; n++) seconds += audio.played.end(n) - audio.played.start(n);
      if (seconds < 0.9 * audio.duration || (!audio.ended && seconds < 0.98 * audio.duration)) return;
      heard.push(row.dataset.player);
      keep();
      refresh(form);
    };
    const toggle = () => {
      if (!audio.paused) return audio.pause();
      open.filter((other) => other.audio !== audio).forEach((other) => other.audio.pause());
      audio.play().catch(failed);
    };
    const failed = (error) => {
      if (error.name !== "AbortError") row.querySelector(".unplayable").hidden = false;
    };
    on(button, "click", toggle);
    on(position, "input", () => audio.duration && (audio.currentTime = (position.value / 1000) * audio.duration));
    ["timeupdate", "ended"].forEach((kind) => on(audio, kind, listen));
    ["play", "pause"].forEach((kind) => on(audio, kind, draw));
    on(audio, "error", failed);
    draw();
    const close = () => {
      audio.pause();
      events.abort();
      row.classList.remove("playing");
      // A sound that is still to be loaded is given up first: its address is about to end.
      audio.removeAttribute("src");
      audio.load();
      URL.revokeObjectURL(address);
    };
    return { audio, toggle, close, name: row.dataset.player };
  }

  function rate(form, radio) {
    state.ratings[form.dataset.item] = Number(radio.value);
    keep();
    refresh(form);
  }

  function result() {
    const ratings = sheet.items.map((item) => ({ item, rating: state.ratings[item] }));
    const { schema_version, test, rater } = sheet;
    return JSON.stringify({ schema_version, test, sheet: sheet.sheet, rater, ratings }, null, 1);
  }

  function save() {
    const link = document.createElement("a");
    link.download = sheet.file;
    link.href = URL.createObjectURL(new Blob([result()], { type: "application/json" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    document.getElementById("saved").textContent = sheet.words.saved.replace("{name}", sheet.file);
  }

  items.forEach((form, number) => {
    form.addEventListener("change", (event) => event.target.type === "radio" && rate(form, event.target));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.dataset.item in state.ratings) go(number + 2);
    });
    form.querySelector(".back").addEventListener("click", () => go(number));
  });
  end.querySelector(".back").addEventListener("click", () => go(items.length));
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("begin").addEventListener("click", () => go(state.at || 1));

  document.addEventListener("keydown", (event) => {
    const form = screens[state.at];
    if (form.hidden || !items.includes(form) || event.ctrlKey || event.altKey || event.metaKey) return;
    const names = { p: "only", a: "a", b: "b", r: "reference" };
    const player = open.find((one) => one.name === names[event.key.toLowerCase()]);
    if (player) return player.toggle();
    if (event.key === "Enter" && event.target === form) return form.requestSubmit();
    const radios = [...form.querySelectorAll("input[type=radio]:enabled")];
    const chosen =
      sheet.test === "cmos" ? radios[Number(event.key) - 1] : radios.find((radio) => radio.value === event.key);
    if (chosen && /^[1-5]$/.test(event.key)) {
      chosen.checked = true;
      chosen.focus();
      rate(form, chosen);
    }
  });

  if (state.at) document.getElementById("begin").textContent = sheet.words.resume;
  document.getElementById("done").value = Object.keys(state.ratings).length;
  keep();
  show(0);
})();
