// A page of photos: select some, and say one thing of all of them. What is said counts
// for tiles that have been on the screen, and for no others.

import { AskError, el, live, t } from "./kit.js";
import { isSettled } from "./one.js";
import { nameState } from "./panel.js";
import { clicked, fitted, moved, range, touched } from "./selection.js";
import { DECIDED } from "./state.js";

const RETRY_MS = 1500;
const DRAG_PX = 6; // less than this is a click
const BLIND = "second";

export class Grid {
  constructor(desk) {
    this.desk = desk;
    this.session = desk.session;
    this.pages = []; // lists of photos, as they were turned
    this.at = -1; // the page that is shown
    this.next = null; // Promise of the page after the last
    this.tiles = [];
    this.photos = [];
    this.focus = 0;
    this.selection = { selected: new Set(), anchor: null };
    this.seen = new Set(); // sha256 of tiles that were on the screen
    this.asked = 0;
    this.paintedAt = Infinity; // when the page came to the screen
    this.isGone = false;
    this.box = el("div", {
      class: "mekiki-grid",
      role: "listbox",
      "aria-multiselectable": "true",
      "aria-label": t("grid.photos"),
      "data-mekiki-grid": true,
      pointerdown: (event) => this.pressed(event),
      dblclick: (event) => this.open(this.placeOf(event.target)),
    });
    this.status = el("span", { class: "mekiki-status" });
    this.chips = el("div", { class: "mekiki-chips", role: "group", "aria-label": t("panel.categories") });
    this.note = el("p", { class: "mekiki-note", hidden: true });
    this.root = el("div", { class: "mekiki-gridview" }, this.tools(), this.note, this.box);
    this.observer = new IntersectionObserver((entries) => this.noticed(entries), { root: this.box, threshold: 0.5 });
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(this.box);
  }

  get current() {
    return this.photos[this.focus] ?? null;
  }

  tools() {
    const make = (words, action, click) => {
      const key = this.desk.keymap.keyOf(action);
      return el("button", { type: "button", class: "mekiki-plain", click }, t(words), key ? el("kbd", { "aria-hidden": "true" }, key) : null);
    };
    this.session.data.categories.forEach((name, place) => {
      const key = this.desk.keymap.keyOf(`label-${place + 1}`);
      const chip = el(
        "button",
        { type: "button", class: "mekiki-label", title: name, click: () => this.say({ action: "word", label: name, status: "labelled" }) },
        el("span", { class: "mekiki-name" }, name),
        key ? el("kbd", { "aria-hidden": "true" }, key) : null,
      );
      this.chips.append(chip);
    });
    const says = el(
      "div",
      { class: "mekiki-row" },
      make("grid.accept", "accept", () => this.accept()),
      make("panel.reject", "reject", () => this.say({ action: "word", status: "rejected" })),
      make("panel.unsure", "unsure", () => this.say({ action: "word", status: "unsure" })),
      make("panel.undo", "undo", () => this.undo()),
      make("grid.select_page", "select-page", () => this.selectPage()),
      this.status,
      el("span", { class: "mekiki-gap" }),
      make("grid.previous", "previous-page", () => this.turn(-1)),
      make("grid.next", "next-page", () => this.turn(1)),
    );
    return el("div", { class: "mekiki-gridtools" }, this.chips, says);
  }

  async start(at = null) {
    this.pages = [];
    this.at = -1;
    this.next = null;
    this.lineName = ""; // the order that is gone through, as the server calls it
    this.asked += 1;
    this.tell(t("one.loading"));
    await this.openPage(at ? `&at=${at}` : "");
  }

  close() {
    this.isGone = true;
    this.observer.disconnect();
    this.sized.disconnect();
    removeEventListener("pointermove", this.dragging);
    removeEventListener("pointerup", this.dropped);
  }

  // Ask for a page until the server answers; null when another queue began meanwhile.
  async ask(where) {
    const asked = this.asked;
    for (;;) {
      try {
        const answer = await this.session.api.get(`page?${this.desk.query}${where}&line=${this.lineName}&n=${this.desk.place.size}`);
        if (asked !== this.asked || this.isGone) return null;
        this.lineName = answer.line;
        const photos = this.session.learn(answer.photos);
        this.session.api.pack(photos.map(({ sha256 }) => sha256)).catch(() => {});
        return { photos, first: answer.first, total: answer.total };
      } catch (error) {
        if (asked !== this.asked || this.isGone) return null;
        if (!(error instanceof AskError) || (error.status >= 400 && error.status !== 401 && error.status < 500)) throw error;
        this.tell(t("ask.offline"));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async openPage(where, isBefore = false) {
    const page = await this.ask(where);
    if (!page) return;
    if (!page.photos.length) {
      if (!this.pages.length) this.tell(this.desk.emptyWords());
      else live(t(isBefore ? "grid.first" : "grid.last"));
      return;
    }
    if (isBefore) this.pages.unshift(page);
    else this.pages.push(page);
    this.at = isBefore ? 0 : this.pages.length - 1;
    await this.draw();
    this.lookAhead();
  }

  // The page after this one is asked for while this one is looked at.
  lookAhead() {
    if (this.at !== this.pages.length - 1) return;
    const last = this.pages[this.at].photos.at(-1);
    this.next = this.ask(`&after=${last.sha256}`).then(async (page) => {
      if (page?.photos.length) {
        const urls = await this.session.api.pack(page.photos.map(({ sha256 }) => sha256));
        page.images = await Promise.all(urls.map(decoded));
      }
      return page;
    });
    this.next.catch(() => {});
  }

  async turn(step) {
    if (this.at < 0) return;
    if (step < 0 && this.at === 0) {
      await this.openPage(`&before=${this.pages[0].photos[0].sha256}`, true);
    } else if (step > 0 && this.at === this.pages.length - 1) {
      await this.turnNew();
    } else {
      this.at += step;
      await this.draw();
    }
  }

  async turnNew() {
    if (this.isTurning) return;
    this.isTurning = true;
    try {
      const page = await this.next;
      if (!page?.photos.length) {
        live(t("grid.last"));
        this.desk.hint(t("grid.last"));
        this.lookAhead();
        return;
      }
      this.pages.push(page);
      this.at = this.pages.length - 1;
      await this.draw();
      this.lookAhead();
    } finally {
      this.isTurning = false;
    }
  }

  async jump(where) {
    const known = where === "first" && this.pages.length && this.pages[0].first === 0;
    if (known) {
      this.at = 0;
      await this.draw();
      return;
    }
    this.pages = [];
    this.asked += 1;
    await this.openPage(where === "last" ? "&last=1" : "");
  }

  // Put a page on the screen, all of its pictures at once.
  async draw() {
    const page = this.pages[this.at];
    if (!page.images) {
      const urls = await this.session.api.pack(page.photos.map(({ sha256 }) => sha256)).catch(() => page.photos.map(() => null));
      page.images = await Promise.all(urls.map(decoded));
    }
    if (this.isGone || this.pages[this.at] !== page) return;
    for (const old of this.pages) if (Math.abs(this.pages.indexOf(old) - this.at) > 2) old.images = null;
    this.photos = page.photos;
    this.note.hidden = true;
    this.observer.disconnect();
    this.tiles = page.photos.map((photo, place) => this.tile(photo, page.images[place]));
    this.box.replaceChildren(...this.tiles);
    this.focus = 0;
    this.selection = { selected: new Set(), anchor: null };
    this.fit();
    this.box.scrollTop = 0;
    this.mark();
    for (const tile of this.tiles) this.observer.observe(tile);
    this.paintedAt = Infinity; // until the frame is there
    this.box.setAttribute("aria-busy", "true");
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        this.paintedAt = performance.now();
        this.box.removeAttribute("aria-busy");
      };
      channel.port2.postMessage(null);
    });
    this.desk.went(this.photos[0]);
    this.desk.hint("");
  }

  tile(photo, image) {
    const picture = image ?? el("span", { class: "mekiki-note" }, "✕");
    if (image) image.alt = "";
    const tile = el(
      "div",
      { class: "mekiki-tile", role: "option", "data-sha256": photo.sha256, tabindex: "-1" },
      picture,
      el("span", { class: "mekiki-foot" }),
    );
    this.paint(tile, photo);
    return tile;
  }

  paint(tile, photo) {
    const isBlind = this.desk.place.queue === BLIND;
    const isDecided = DECIDED.has(photo.status) && !isBlind;
    const foot = tile.querySelector(".mekiki-foot");
    const suggested = !isBlind && !isDecided && photo.suggested;
    const sure = photo.confidence === null ? "" : ` ${Math.round(photo.confidence * 100)} %`;
    const icon = photo.conflict ? "⚠" : { conflict: "⚠", labelled: "✓", rejected: "✕", unsure: "?" }[photo.status] ?? "";
    const state = isBlind ? (photo.second ? nameState(photo.second.label, photo.second.status) : "") : photo.status === "conflict" ? photo.scraped_as.join(" / ") : photo.label ?? "";
    foot.replaceChildren(el("span", { class: "mekiki-icon" }, isBlind ? "" : icon), el("span", { class: "mekiki-name" }, state));
    tile.querySelector(".mekiki-guess")?.remove();
    const differs = Boolean(suggested) && suggested !== photo.label;
    if (suggested) tile.append(el("span", { class: "mekiki-guess" }, `◆ ${differs ? suggested : ""}${sure}`));
    tile.classList.toggle("mekiki-differs", differs);
    tile.classList.toggle("mekiki-decided", isDecided || Boolean(photo.second && isBlind));
    tile.classList.toggle("mekiki-amber", photo.status === "conflict" || Boolean(photo.conflict));
    const words = isBlind ? [t("one.alt_blind")] : [nameState(photo.label, photo.status), suggested ? t("grid.suggested", { label: suggested }) : ""];
    tile.setAttribute("aria-label", words.filter(Boolean).join(", "));
    tile.title = words.filter(Boolean).join(" · ");
  }

  fit() {
    if (!this.tiles.length) return;
    const chosen = Number(this.session.data.preferences?.thumb ?? 0);
    const { clientWidth, clientHeight } = this.box;
    const style = getComputedStyle(this.box);
    const width = clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
    const height = clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
    const limits = chosen ? { least: chosen, most: chosen } : {};
    const { columns, side } = fitted(this.photos.length, width, height, limits);
    this.columns = columns;
    this.box.style.setProperty("--side", `${side}px`);
    this.box.style.setProperty("--columns", columns);
    this.box.classList.toggle("mekiki-small", side < 110);
  }

  mark() {
    this.tiles.forEach((tile, place) => {
      const isSelected = this.selection.selected.has(place);
      if (tile.getAttribute("aria-selected") !== String(isSelected)) tile.setAttribute("aria-selected", String(isSelected));
      const isFocused = place === this.focus;
      if (isFocused) tile.setAttribute("aria-current", "true");
      else tile.removeAttribute("aria-current");
      tile.tabIndex = isFocused ? 0 : -1;
    });
    const page = this.pages[this.at];
    const number = this.selection.selected.size;
    const where = page?.total ? t("grid.where", { from: page.first + 1, to: page.first + page.photos.length, total: page.total }) : "";
    this.status.textContent = [number ? t("grid.selected", { n: number }) : "", where].filter(Boolean).join(" · ");
    const tile = this.tiles[this.focus];
    if (tile && this.box.contains(document.activeElement)) tile.focus({ preventScroll: true });
    tile?.scrollIntoView?.({ block: "nearest" });
  }

  noticed(entries) {
    for (const { target, isIntersecting } of entries) if (isIntersecting) this.seen.add(target.dataset.sha256);
  }

  // The places that an answer is about: the selection, else the focused tile.
  chosen() {
    const { selected } = this.selection;
    return selected.size ? [...selected].sort((one, two) => one - two) : [this.focus];
  }

  say(what, pressedAt) {
    this.answer(this.chosen(), () => what, pressedAt);
  }

  // Say something of tiles; of those that have not been on the screen, nothing.
  answer(places, whatOf, pressedAt = performance.now()) {
    if (pressedAt < this.paintedAt) {
      this.desk.hint(t("one.not_yet"));
      return;
    }
    const shown = places.filter((place) => this.photos[place] && this.seen.has(this.photos[place].sha256));
    const unseen = places.filter((place) => this.photos[place] && !shown.includes(place));
    const isBlind = this.desk.place.queue === BLIND;
    const bySaying = new Map();
    for (const place of shown) {
      const what = whatOf(this.photos[place]);
      if (!what) continue;
      const said = isBlind && what.action === "word" ? { action: "second", label: what.label ?? null, status: what.status } : what;
      const key = JSON.stringify(said);
      bySaying.set(key, { said, places: [...(bySaying.get(key)?.places ?? []), place] });
    }
    const groups = [...bySaying.values()].map(({ said, places: of }) => ({ said, photos: of.map((place) => this.photos[place]) }));
    const answered = groups.reduce((sum, { photos }) => sum + photos.length, 0);
    this.session.sayAll(groups);
    const isBulk = this.selection.selected.size > 0;
    this.selection = { selected: new Set(unseen), anchor: null };
    if (unseen.length) {
      this.focus = unseen[0];
      this.desk.hint(t("grid.unseen", { n: unseen.length }));
    } else if (!isBulk && answered) this.focus = Math.min(this.focus + 1, this.photos.length - 1);
    this.mark();
    if (isBulk && answered) live(t("grid.labelled", { n: answered }));
  }

  accept(pressedAt) {
    let without = 0;
    this.answer(this.chosen(), (photo) => {
      const label = photo.suggested ?? (isSettled(photo) ? photo.label : null);
      if (label === null) without += 1;
      return label === null ? null : { action: "word", label, status: "labelled" };
    }, pressedAt);
    if (without) this.desk.hint(t("grid.without", { n: without }));
  }

  select() {
    this.selection = clicked(this.selection, this.focus, { toggle: true });
    this.mark();
  }

  selectPage() {
    this.selection = { selected: new Set(range(0, this.photos.length - 1)), anchor: 0 };
    this.mark();
  }

  clear() {
    this.selection = { selected: new Set(), anchor: null };
    this.mark();
  }

  go(direction, isReaching) {
    const next = moved(this.focus, direction, this.columns, this.photos.length);
    if (isReaching) this.selection = clicked({ ...this.selection, anchor: this.selection.anchor ?? this.focus }, next, { shift: true });
    this.focus = next;
    this.mark();
  }

  async undo() {
    const photos = await this.session.undo();
    if (!photos?.length) this.desk.hint(t("one.nothing_to_undo"));
    else this.bring(photos);
  }

  redo() {
    const photos = this.session.redo();
    if (!photos?.length) this.desk.hint(t("one.nothing_to_redo"));
    else this.bring(photos);
  }

  // Turn to what was just taken back.
  bring(photos) {
    const shas = new Set(photos.map(({ sha256 }) => sha256));
    const has = (page) => page.photos.some(({ sha256 }) => shas.has(sha256));
    if (!has(this.pages[this.at])) {
      const page = this.pages.findIndex(has);
      if (page >= 0) {
        this.at = page;
        this.draw().then(() => this.choose(shas));
      }
      return;
    }
    this.choose(shas);
  }

  choose(shas) {
    const places = range(0, this.photos.length - 1).filter((place) => shas.has(this.photos[place].sha256));
    if (!places.length) return;
    this.focus = places[0];
    this.selection = { selected: new Set(places.length > 1 ? places : []), anchor: places[0] };
    this.mark();
  }

  open(place) {
    const photo = this.photos[place];
    if (photo) this.desk.switchMode("one", photo.sha256);
  }

  conflict() {
    this.changed();
  }

  // Photos that this tab said something of, or that were answered.
  said(photos) {
    const shas = new Set(photos.map(({ sha256 }) => sha256));
    this.photos.forEach((photo, place) => {
      if (shas.has(photo.sha256)) this.paint(this.tiles[place], photo);
    });
  }

  changed() {
    this.tiles.forEach((tile, place) => this.paint(tile, this.photos[place]));
  }

  tell(text) {
    this.note.hidden = false;
    this.note.textContent = text;
    if (this.at < 0) {
      this.tiles = [];
      this.photos = [];
      this.box.replaceChildren();
    }
  }

  placeOf(target) {
    return this.tiles.indexOf(target.closest?.(".mekiki-tile"));
  }

  // The mouse: a click selects, a drag draws a rectangle around what it selects.
  pressed(event) {
    if (event.button !== 0) return;
    const start = { x: event.clientX, y: event.clientY };
    const place = this.placeOf(event.target);
    const before = event.ctrlKey || event.metaKey || event.shiftKey ? this.selection.selected : new Set();
    let band = null;
    event.preventDefault(); // no text is selected, no picture dragged
    this.tiles[Math.max(place, 0)]?.focus({ preventScroll: true });
    this.dragging = (now) => {
      const far = Math.hypot(now.clientX - start.x, now.clientY - start.y) >= DRAG_PX;
      if (!band && !far) return;
      band ??= this.root.appendChild(el("div", { class: "mekiki-band" }));
      const edges = {
        left: Math.min(start.x, now.clientX),
        right: Math.max(start.x, now.clientX),
        top: Math.min(start.y, now.clientY),
        bottom: Math.max(start.y, now.clientY),
      };
      Object.assign(band.style, { left: `${edges.left}px`, top: `${edges.top}px`, width: `${edges.right - edges.left}px`, height: `${edges.bottom - edges.top}px` });
      const boxes = this.tiles.map((tile) => tile.getBoundingClientRect());
      const reached = touched(boxes, edges);
      this.selection = { selected: new Set([...before, ...reached]), anchor: reached[0] ?? null };
      if (reached.length) [this.focus] = reached.slice(-1);
      this.mark();
    };
    this.dropped = () => {
      removeEventListener("pointermove", this.dragging);
      removeEventListener("pointerup", this.dropped);
      removeEventListener("pointercancel", this.dropped);
      if (band) band.remove();
      else if (place >= 0) {
        this.selection = clicked(this.selection, place, { shift: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
        this.focus = place;
        this.mark();
      } else this.clear();
    };
    addEventListener("pointermove", this.dragging);
    addEventListener("pointerup", this.dropped);
    addEventListener("pointercancel", this.dropped);
  }
}

async function decoded(url) {
  if (!url) return null;
  const image = new Image();
  image.draggable = false;
  image.src = url;
  return image.decode().then(
    () => image,
    () => null,
  );
}
