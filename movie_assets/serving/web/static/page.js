// What the pages do better with script; all of it works without, too. No dependencies.

const root = document.documentElement;
const wait = { typing: 120, turning: 150 };

// Colours: the system's, until somebody switches. Before anything is drawn, so that nothing flashes.
const stored = {
  get theme() { try { return localStorage.getItem("theme"); } catch { return null; } },
  set theme(name) { try { localStorage.setItem("theme", name); } catch { /* private window */ } },
};
if (["light", "dark"].includes(stored.theme)) root.dataset.theme = stored.theme;
root.dataset.script = "";

function switchTheme() {
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  stored.theme = root.dataset.theme = isDark ? "light" : "dark";
}

const say = (text) => { document.getElementById("live").textContent = text; };

function later(act, pause) {
  let timer;
  return (...values) => { clearTimeout(timer); timer = setTimeout(act, pause, ...values); };
}

// One request at a time: a newer one ends the older.
function oneAtATime() {
  let running;
  return async (address, part, options = {}) => {
    running?.abort();
    running = new AbortController();
    const answer = await fetch(address, {
      ...options, headers: { "X-Part": part }, signal: running.signal,
    });
    return { answer, html: await answer.text() };
  };
}

// A form's part of the page is fetched and put in its place; the address says the same as the page.
const fetchPart = oneAtATime();

async function swap(part, address, { options, remember } = {}) {
  const place = document.getElementById(part);
  place.setAttribute("aria-busy", "true");
  try {
    const { answer, html } = await fetchPart(address, part, options);
    // An error is a page of its own.
    if (!answer.ok) { if (options) throw new Error(answer.statusText); location.assign(address); return; }
    if (remember) history[remember](null, "", answer.url);
    const focused = focusKey(document.activeElement);
    place.innerHTML = html;
    enhance(place);
    restoreFocus(place, focused);
    say(place.querySelector("[data-announce]")?.innerText ?? "");
  } catch (error) {
    if (error.name === "AbortError") return;
    say("");
    place.insertAdjacentHTML("afterbegin", '<div class="notice" role="alert"><p>The server cannot be reached. Try again in a moment.</p></div>');
  }
  place.removeAttribute("aria-busy");
}

// After a part was replaced, the reader stays where they were; where that is gone, at the search.
const focusKey = (element) => element?.id || (element?.name && `${element.name}=${element.value}`);
function restoreFocus(place, key) {
  if (!key || place.contains(document.activeElement) || document.activeElement !== document.body) return;
  const same = [...place.querySelectorAll("input, button, select, a")].find((e) => focusKey(e) === key);
  (same ?? place.querySelector("input[type=text]") ?? document.getElementById("main")).focus();
}

function chosen(form, submitter) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) {
    const untouched = form.elements[name]?.dataset?.default;
    if (value !== "" && (untouched === undefined || Number(value) !== Number(untouched))) fields.append(name, value);
  }
  return fields;
}

function send(form, part, submitter, remember) {
  const fields = chosen(form, submitter);
  if (form.method === "post") return swap(part, form.action, { options: { method: "POST", body: fields } });
  const query = fields.toString().replaceAll("%2C", ",");
  return swap(part, form.getAttribute("action") + (query && `?${query}`), { remember });
}

function liveForm(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const isLonger = event.submitter?.name === "limit";
    const part = isLonger ? form.dataset.live : form.dataset.part;
    send(form, part, event.submitter, isLonger || part === form.dataset.live ? "replaceState" : "pushState");
  });
  const turn = later(() => {
    // Half a year typed is no year yet.
    if (form.checkValidity()) send(form, form.dataset.live, null, "replaceState");
  }, wait.turning);
  form.addEventListener("input", (event) => {
    if (event.target.dataset.words) tellDial(event.target);
    if (event.target.name !== "q") turn();
  });
}

function tellDial(dial) {
  const words = dial.dataset.words.split("|");
  const word = words[Math.round(dial.value * (words.length - 1))];
  dial.setAttribute("aria-valuetext", word);
  dial.parentElement.querySelector("output").textContent = word;
}

// Search as you type: a combobox with a list, by the WAI-ARIA pattern.
function combobox(box) {
  const input = document.getElementById(box.dataset.suggest);
  const list = document.createElement("ul");
  const suggest = oneAtATime();
  let active = -1;
  list.id = `${input.id}-list`;
  list.className = "options";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Films");
  list.hidden = true;
  box.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) input.setAttribute(name, value);

  const options = () => [...list.children];
  function show(isOpen) {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) mark(-1);
  }
  function mark(place) {
    active = place;
    options().forEach((option, i) => option.setAttribute("aria-selected", String(i === place)));
    const option = options()[place];
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }
  function choose(option) {
    show(false);
    if (!("pick" in box.dataset)) { location.assign(option.dataset.address); return; }
    const like = Object.assign(document.createElement("button"), { name: "like", value: option.dataset.id, hidden: true });
    input.value = "";
    input.form.append(like);
    input.form.requestSubmit(like);
    like.remove();
  }
  const ask = later(async () => {
    const query = input.value.trim();
    if (!query) { show(false); return; }
    try {
      const { answer, html } = await suggest(`/search?q=${encodeURIComponent(query)}`, "options");
      if (!answer.ok || document.activeElement !== input) return;
      list.innerHTML = html;
      options().forEach((option, i) => { option.id = `${list.id}-${i}`; });
      show(list.children.length > 0);
      mark(-1);
      const found = list.children.length;
      say(found ? `${found} film${found > 1 ? "s" : ""}: use the arrow keys to choose` : "No film found");
    } catch { /* a newer question, or no server: typing on asks again, and Enter shows a page */ }
  }, wait.typing);

  input.addEventListener("input", ask);
  input.addEventListener("blur", () => show(false));
  input.addEventListener("keydown", (event) => {
    const last = options().length - 1;
    if (event.isComposing || (list.hidden && event.key !== "ArrowDown")) return;
    if (event.key === "ArrowDown") { if (list.hidden) ask(); else mark(active >= last ? 0 : active + 1); }
    else if (event.key === "ArrowUp") mark(active <= 0 ? last : active - 1);
    else if (event.key === "Home" && active >= 0) mark(0);
    else if (event.key === "End" && active >= 0) mark(last);
    else if (event.key === "Escape") show(false);
    else if (event.key === "Enter" && active >= 0) choose(options()[active]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
}

// An export can be dropped; it is sent as soon as it is there.
function dropZone(zone) {
  const input = zone.querySelector("input[type=file]");
  const read = () => {
    zone.querySelector("button").textContent = "Reading …";
    zone.setAttribute("aria-busy", "true");
    say("Reading the file");
    zone.requestSubmit();
  };
  input.addEventListener("change", () => { if (input.files.length) read(); });
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    read();
  });
}

function enhance(place) {
  place.querySelectorAll("form[data-live]").forEach(liveForm);
  place.querySelectorAll("[data-suggest]").forEach(combobox);
  place.querySelectorAll("form[data-drop]").forEach(dropZone);
}

// The address of what an export gave, where it is short enough to be one.
function keepAddress() {
  const address = document.querySelector("[data-address-of-page]")?.dataset.addressOfPage;
  if (address) history.replaceState(null, "", address);
}

function start() {
  const button = document.querySelector("[data-theme-switch]");
  button.hidden = false;
  button.addEventListener("click", switchTheme);
  enhance(document);
  keepAddress();
  const page = document.querySelector("form[data-part=taste]");
  if (page) addEventListener("popstate", () => swap("taste", location.href));
}

// A poster that cannot be loaded leaves the drawn one to be seen.
addEventListener("error", (event) => { if (event.target.localName === "img") event.target.hidden = true; }, true);

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
