// A page of photos: select some, and say one thing of all of them. What is said counts
// for tiles that have been on the screen, and for no others.

import { afterPaint, el, live, t } from "./kit.js";
import { Pages } from "./pages.js";
import { nameState } from "./panel.js";
import { clicked, fitted, moved, range, touched } from "./selection.js";
import { DECIDED, READ_MS, labelToAccept } from "./state.js";

const DRAG_PX = 6; // less than this is a click

export class Grid {
  constructor(desk) {
    this.desk = desk;
    this.session = desk.session;
    this.pages = new Pages(desk, (text) => this.tell(text));
    this.turning = null; // the round of the pages in which a turn is under way
    this.tiles = [];
    this.photos = [];
    this.focus = 0;
    this.selection = { selected: new Set(), anchor: null };
    this.seen = new Set(); // sha256 of tiles that were on the screen
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
    const { desk } = this;
    this.chips.append(...desk.labelButtons((label) => this.say({ action: "word", label, status: "labelled" })));
    const says = el(
      "div",
      { class: "mekiki-row" },
      desk.button("grid.accept", "accept", () => this.accept()),
      desk.button("panel.reject", "reject", () => this.say({ action: "word", status: "rejected" })),
      desk.button("panel.unsure", "unsure", () => this.say({ action: "word", status: "unsure" })),
      desk.button("panel.undo", "undo", () => this.undo()),
      desk.button("grid.select_page", "select-page", () => this.selectPage()),
      this.status,
      el("span", { class: "mekiki-gap" }),
      desk.button("grid.previous", "previous-page", () => this.turn(-1)),
      desk.button("grid.next", "next-page", () => this.turn(1)),
    );
    return el("div", { class: "mekiki-gridtools" }, this.chips, says);
  }

  async start(at = null) {
    const kept = this.session.keptOf(this.desk.query);
    this.tell(t("one.loading"));
    this.photos = [];
    this.tiles = [];
    this.box.replaceChildren();
    this.pages.reset(kept?.line);
    await this.show(() => this.pages.open(at ? `&at=${at}` : ""), () => this.tell(this.desk.emptyWords()));
  }

  close() {
    this.session.kept = { query: this.desk.query, line: this.pages.lineName, marks: this.marks() };
    this.isGone = true;
    this.pages.isGone = true;
    this.observer.disconnect();
    this.sized.disconnect();
    this.stopDragging?.();
  }

  // Which photos are in focus and selected, for a page that is drawn anew.
  marks() {
    const selected = [...this.selection.selected].map((place) => this.photos[place]?.sha256);
    return { focus: this.current?.sha256, selected: new Set(selected) };
  }

  // Show the page that a turn leads to, one turn at a time; else say why there is none.
  async show(turn, otherwise) {
    const { round } = this.pages;
    if (this.turning === round) return null;
    this.turning = round;
    try {
      const page = await turn();
      if (this.isGone || round !== this.pages.round) return null;
      if (page) this.draw(page);
      else otherwise();
      return page;
    } finally {
      if (this.turning === round) this.turning = null;
    }
  }

  async turn(step) {
    if (!this.pages.page) return;
    const end = t(step < 0 ? "grid.first" : "grid.last");
    await this.show(() => this.pages.turn(step), () => this.announce(end));
  }

  async jump(where) {
    const { list } = this.pages;
    await this.show(
      () => {
        if (where === "first" && list[0]?.first === 0) return this.pages.find(new Set([list[0].photos[0].sha256]));
        return this.pages.open(where === "last" ? "&last=1" : "");
      },
      () => this.announce(this.desk.emptyWords()),
    );
  }

  // What happened meanwhile was too much to be told photo by photo.
  reread() {
    if (this.current) this.start(this.photos[0].sha256);
  }

  announce(text) {
    live(text);
    this.desk.hint(text);
  }

  // Put a page on the screen, all of its pictures at once.
  draw(page) {
    const hadFocus = this.box.contains(document.activeElement);
    const marks = this.session.keptOf(this.desk.query)?.marks;
    this.session.kept = null;
    this.photos = page.photos;
    this.note.hidden = true;
    this.observer.disconnect();
    this.tiles = page.photos.map((photo, place) => this.tile(photo, page.images[place]));
    this.box.replaceChildren(...this.tiles);
    const places = range(0, this.photos.length - 1);
    const selected = places.filter((place) => marks?.selected.has(this.photos[place].sha256));
    this.focus = Math.max(places.findIndex((place) => this.photos[place].sha256 === marks?.focus), 0);
    this.selection = { selected: new Set(selected), anchor: selected[0] ?? null };
    this.fit();
    this.box.scrollTop = 0;
    this.mark();
    if (hadFocus) this.tiles[this.focus].focus({ preventScroll: true });
    for (const tile of this.tiles) this.observer.observe(tile);
    this.paintedAt = Infinity; // until the frame is there
    this.box.setAttribute("aria-busy", "true");
    afterPaint(() => {
      this.noticed(this.observer.takeRecords()); // a press may come before they do
      this.paintedAt = performance.now();
      this.box.removeAttribute("aria-busy");
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
    const { isBlind } = this.desk;
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
    const { page } = this.pages;
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
    const there = places.filter((place) => this.photos[place] && !this.photos[place].gone);
    const isFresh = (place) => pressedAt - (this.photos[place].changedAt ?? -Infinity) < READ_MS;
    const shown = there.filter((place) => this.seen.has(this.photos[place].sha256) && !isFresh(place));
    const unseen = there.filter((place) => !shown.includes(place));
    const changed = unseen.filter(isFresh).length;
    const bySaying = new Map();
    for (const place of shown) {
      const what = whatOf(this.photos[place]);
      const isBlank = !this.tiles[place].querySelector("img"); // can't be shown: not named
      if (!what || (isBlank && what.label)) continue;
      const said = this.desk.told(what);
      const key = JSON.stringify(said);
      bySaying.set(key, { said, places: [...(bySaying.get(key)?.places ?? []), place] });
    }
    const groups = [...bySaying.values()].map(({ said, places: of }) => ({ said, photos: of.map((place) => this.photos[place]) }));
    const answered = groups.reduce((sum, { photos }) => sum + photos.length, 0);
    this.session.sayAll(groups, null, pressedAt);
    const isBulk = this.selection.selected.size > 0;
    this.selection = { selected: new Set(unseen), anchor: null };
    if (unseen.length) {
      this.focus = unseen[0];
      this.desk.hint(changed ? t("grid.changed", { n: changed }) : t("grid.unseen", { n: unseen.length }));
    } else if (!isBulk && answered) this.focus = Math.min(this.focus + 1, this.photos.length - 1);
    this.mark();
    if (isBulk && answered) live(t("grid.labelled", { n: answered }));
  }

  accept(pressedAt) {
    if (this.desk.isBlind) return;
    let without = 0;
    this.answer(this.chosen(), (photo) => {
      const label = labelToAccept(photo);
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

  // Turn to what was just taken back, or say that it is elsewhere.
  async bring(photos) {
    const shas = new Set(photos.map(({ sha256 }) => sha256));
    if (!this.photos.some(({ sha256 }) => shas.has(sha256))) {
      const elsewhere = t("grid.taken_back", { n: photos.length });
      await this.show(() => this.pages.find(shas), () => this.announce(elsewhere));
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
    if (!this.photos.length) {
      if (this.turning === null) this.start(); // others may have left some
      return;
    }
    this.tiles.forEach((tile, place) => this.paint(tile, this.photos[place]));
  }

  tell(text) {
    this.note.hidden = false;
    this.note.textContent = text;
  }

  isSeen(photo) {
    return this.seen.has(photo.sha256);
  }

  // How far the work is has become known, or has changed.
  counted() {
    if (!this.current && this.turning === null) this.tell(this.desk.emptyWords());
  }

  placeOf(target) {
    return this.tiles.indexOf(target.closest?.(".mekiki-tile"));
  }

  // The mouse: a click selects, a drag draws a rectangle around what it selects.
  pressed(event) {
    if (event.button !== 0) return;
    if (event.target === this.box && event.offsetX >= this.box.clientWidth) return; // its scrollbar
    this.stopDragging?.();
    const start = { x: event.clientX, y: event.clientY };
    const place = this.placeOf(event.target);
    const isMore = event.ctrlKey || event.metaKey || event.shiftKey;
    const before = isMore ? this.selection.selected : new Set();
    let band = null;
    event.preventDefault(); // no text is selected, no picture dragged
    this.tiles[Math.max(place, 0)]?.focus({ preventScroll: true });
    const drag = (now) => {
      const far = Math.hypot(now.clientX - start.x, now.clientY - start.y) >= DRAG_PX;
      if (!band && !far) return;
      band ??= this.root.appendChild(el("div", { class: "mekiki-band" }));
      this.drawBand(band, start, now, before);
    };
    const drop = () => {
      this.stopDragging();
      if (band) return;
      if (place < 0) {
        this.clear();
        return;
      }
      const how = { shift: event.shiftKey, toggle: event.ctrlKey || event.metaKey };
      this.selection = clicked(this.selection, place, how);
      this.focus = place;
      this.mark();
    };
    this.stopDragging = () => {
      removeEventListener("pointermove", drag);
      removeEventListener("pointerup", drop);
      removeEventListener("pointercancel", this.stopDragging);
      band?.remove();
    };
    addEventListener("pointermove", drag);
    addEventListener("pointerup", drop);
    addEventListener("pointercancel", this.stopDragging);
  }

  // A rectangle from where the mouse went down to where it is; what it touches is selected.
  drawBand(band, start, now, before) {
    const edges = {
      left: Math.min(start.x, now.clientX),
      right: Math.max(start.x, now.clientX),
      top: Math.min(start.y, now.clientY),
      bottom: Math.max(start.y, now.clientY),
    };
    Object.assign(band.style, {
      left: `${edges.left}px`,
      top: `${edges.top}px`,
      width: `${edges.right - edges.left}px`,
      height: `${edges.bottom - edges.top}px`,
    });
    const reached = touched(this.tiles.map((tile) => tile.getBoundingClientRect()), edges);
    this.selection = { selected: new Set([...before, ...reached]), anchor: reached[0] ?? null };
    if (reached.length) this.focus = reached.at(-1);
    this.mark();
  }
}
