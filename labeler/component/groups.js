// The page Groups: copies of one picture side by side. What a curator says of a group,
// "not the same" or "keep this one", is written and followed by the server at once; the
// answer shows what the groups are now. Where the page is, and what can be undone, lives
// outside of the view: a remount or a reload loses neither.

import { showHelp } from "./dialogs.js";
import { el, live, t } from "./kit.js";
import { Keymap, Presses, chord, isTyping, written } from "./keys.js";

const PER_PAGE = 20; // groups
const SHOWN = 24; // photos of a group, until all are asked for
const UNDOABLE = 200; // things said that a tab remembers
const BUSY_MS = 250; // work that takes longer is told
const RENEWED_MS = 1500;
const PLAIN_SOURCES = new Set(["openverse", "commons", "pages", "urls", "folder", "mnist", "cifar"]);

export function mount(root, app) {
  const view = new Groups(root, app);
  return () => view.close();
}

class Groups {
  constructor(root, { api, data, keyTable }) {
    this.api = api;
    this.data = data;
    this.keyTable = keyTable;
    this.memory = new Memory(`${data.set}/${data.user}`);
    this.keymap = new Keymap(keyTable, data.preferences?.keymap);
    this.presses = new Presses();
    this.cards = []; // in the order shown
    this.selected = new Set(); // sha256; all of one group
    this.focused = null; // sha256
    this.isBusy = false;
    this.isClosed = false;
    this.root = el("div", { class: "mekiki mekiki-groups", "data-mekiki": "groups", "data-unsaved": "0" }, this.bar());
    this.problem = el("p", { class: "g-problem", role: "alert", hidden: true });
    this.list = el("div", { class: "g-list" });
    this.root.append(this.problem, this.list);
    root.append(this.root);
    this.keydown = (event) => this.pressed(event);
    addEventListener("keydown", this.keydown, true);
    this.show(this.memory.from ? { from: this.memory.from } : {});
  }

  close() {
    this.isClosed = true;
    removeEventListener("keydown", this.keydown, true);
    this.large?.close();
  }

  bar() {
    this.counted = el("span", { class: "g-counted" });
    this.hint = el("span", { class: "g-hint" });
    this.undoing = this.button("groups.undo", "groups-undo", () => this.undo());
    this.before = this.button("groups.previous", "groups-previous-page", () => this.turn(-1));
    this.after = this.button("groups.next", "groups-next-page", () => this.turn(1));
    const pages = el("span", { class: "g-pages" }, this.before, this.after);
    return el("div", { class: "g-bar" }, this.counted, this.hint, this.undoing, pages);
  }

  button(words, action, press, params = {}) {
    const key = this.hasKeys ? this.keymap.keyOf(action) : "";
    const mark = key ? el("kbd", { "aria-hidden": "true" }, written(key)) : null;
    return el("button", { type: "button", class: "g-button", click: press }, t(words, params), mark);
  }

  get hasKeys() {
    return this.data.preferences?.keys !== false;
  }

  // Asking and drawing -----------------------------------------------------------------

  async show(where, edge = "first") {
    const query = new URLSearchParams({ ...where, n: PER_PAGE });
    await this.work(async () => {
      const page = await this.api.get(`groups?${query}`);
      if (this.isClosed) return;
      this.page = page;
      this.memory.keep({ from: page.from });
      this.selected.clear();
      this.list.replaceChildren();
      this.cards = page.groups.map((group) => this.add(group));
      this.drawCounts();
      this.drawEmpty();
      const card = edge === "last" ? this.cards.at(-1) : this.cards[0];
      this.focus(card?.group.photos[0].sha256, { isQuiet: true });
      this.list.scrollTop = 0;
      this.draw(this.cards);
    });
  }

  drawCounts() {
    const { first, total, conflicts } = this.page;
    const last = first + this.cards.filter((card) => card.group.photos.length > 1).length - 1;
    this.counted.replaceChildren(total ? t("groups.counted", { first, last, total }) : "");
    if (conflicts) this.counted.append(el("span", { class: "g-open" }, "⚠ ", t("groups.conflicts", { n: conflicts })));
    this.before.disabled = !this.page.has_previous;
    this.after.disabled = !this.page.next;
    this.undoing.disabled = !this.memory.undo.length;
    const keys = (id) => this.keymap.keyOf(id);
    const params = { apart: keys("groups-apart"), keep: keys("groups-keep"), large: keys("groups-large") };
    this.hint.textContent = total && this.hasKeys ? t("groups.hint", params) : "";
  }

  drawEmpty() {
    if (this.page.total) return;
    const command = el("code", {}, `mekiki dedup ${this.data.set}`);
    this.list.append(el("p", { class: "g-empty" }, t("groups.none"), " ", command));
  }

  add(group, before = null) {
    const card = new Card(this, group);
    this.list.insertBefore(card.root, before);
    return card;
  }

  // Fetch the thumbnails that cards show; nothing waits for them.
  async draw(cards) {
    const tiles = cards.flatMap((card) => card.tiles);
    try {
      const urls = await this.api.pack(tiles.map((tile) => tile.photo.sha256));
      tiles.forEach((tile, place) => tile.draw(urls[place]));
    } catch (error) {
      this.warn(t("groups.no_pictures", { reason: error.message }));
    }
  }

  // Do what takes a while; say so where it does, and say what went wrong.
  async work(doing, card = null) {
    if (this.isBusy) return this.tell("groups.busy");
    this.isBusy = true;
    this.problem.hidden = true;
    const telling = setTimeout(() => {
      (card?.root ?? this.list).setAttribute("aria-busy", "true");
      live(t("groups.working"));
    }, BUSY_MS);
    try {
      await doing().catch((error) => this.again(error, doing));
    } catch (error) {
      if (error.status === undefined) throw error;
      this.warn(t("groups.failed", { reason: error.message }));
    } finally {
      clearTimeout(telling);
      (card?.root ?? this.list).removeAttribute("aria-busy");
      this.root.dataset.unsaved = "0";
      this.isBusy = false;
    }
  }

  // A token that was too old is renewed by the page, which takes a moment.
  async again(error, doing) {
    if (error.status !== 401) throw error;
    await new Promise((resolve) => setTimeout(resolve, RENEWED_MS));
    return doing();
  }

  // Saying -----------------------------------------------------------------------------

  apart(card = this.card) {
    if (!card) return;
    const chosen = card.selection;
    const named = chosen.length ? chosen : card.group.photos.length > 1 ? [this.focused] : [];
    if (card.group.photos.length < 2) return this.tell("groups.alone");
    if (named.length === card.group.photos.length) return this.tell("groups.not_all");
    return this.say(card, "apart", { shas: named }, t("groups.said_apart", { n: named.length }));
  }

  keep(sha256 = this.focused, card = this.card) {
    if (!card) return;
    if (card.group.photos.length < 2) return this.tell("groups.alone");
    return this.say(card, "keep", { sha256 }, t("groups.said_keep"));
  }

  async undo() {
    const undo = this.memory.undo.at(-1);
    if (!undo) return this.tell("groups.nothing_to_undo");
    await this.work(async () => {
      const answer = await this.api.post("groups/undo", { undo });
      this.memory.keep({ undo: this.memory.undo.slice(0, -1) });
      const said = answer.refused ? t("groups.undone_already") : t("groups.undone");
      await this.redraw(null, answer, said);
    });
  }

  async say(card, what, body, said) {
    const { stamp, photos } = card.group;
    const group = { stamp, shas: photos.map((photo) => photo.sha256) };
    if (!this.isBusy) this.root.dataset.unsaved = "1";
    await this.work(async () => {
      const answer = await this.api.post(`groups/${what}`, { group, ...body });
      if (answer.undo) this.memory.keep({ undo: [...this.memory.undo, answer.undo].slice(-UNDOABLE) });
      await this.redraw(card, answer, answer.refused ? this.refusal(answer) : said);
    }, card);
  }

  refusal({ by }) {
    return by && by !== this.data.user ? t("groups.refused_by", { by }) : t("groups.refused");
  }

  // Show the groups that photos are in now, in the place of those they were in.
  async redraw(card, { groups, refused }, said) {
    const shas = new Set(groups.flatMap((group) => group.photos.map((photo) => photo.sha256)));
    const old = this.cards.filter((one) => one === card || one.group.photos.some((photo) => shas.has(photo.sha256)));
    const place = old.length ? this.cards.indexOf(old[0]) : 0;
    const before = old[0]?.root ?? this.list.firstChild;
    this.recount(old.map((one) => one.group), groups);
    this.selected.clear();
    const drawn = groups.map((group) => this.add(group, before));
    drawn[0]?.note(said, refused);
    if (!drawn.length) this.tell("groups.gone");
    for (const one of old) one.root.remove();
    const rest = this.cards.filter((one) => !old.includes(one));
    rest.splice(place, 0, ...drawn);
    this.cards = rest;
    for (const one of rest) one.drawSelection();
    this.drawCounts();
    live(said);
    const isThere = this.cards.some((one) => one.has(this.focused));
    this.focus(isThere ? this.focused : (drawn[0] ?? rest[0])?.group.photos[0].sha256);
    this.draw(drawn);
  }

  // Count on: groups of several photos, and those in conflict.
  recount(before, after) {
    const open = (groups) => groups.filter((group) => group.status === "conflict" && group.photos.length > 1).length;
    const several = (groups) => groups.filter((group) => group.photos.length > 1).length;
    this.page.conflicts += open(after) - open(before);
    this.page.total += several(after) - several(before);
  }

  tell(words) {
    this.warn(t(words));
  }

  warn(text) {
    this.problem.textContent = text; // an alert: it is read out
    this.problem.hidden = false;
  }

  // Moving -----------------------------------------------------------------------------

  get card() {
    return this.cards.find((card) => card.has(this.focused));
  }

  get tiles() {
    return this.cards.flatMap((card) => card.tiles);
  }

  focus(sha256, { isQuiet = false } = {}) {
    this.focused = sha256 ?? null;
    for (const tile of this.tiles) tile.mark(tile.photo.sha256 === this.focused);
    const tile = this.tiles.find(({ photo }) => photo.sha256 === this.focused);
    if (!tile || isQuiet) return;
    tile.picture.focus({ preventScroll: true });
    tile.root.scrollIntoView({ block: "nearest" });
  }

  step(by) {
    const tiles = this.tiles;
    const place = tiles.findIndex(({ photo }) => photo.sha256 === this.focused);
    this.focus(tiles[Math.min(Math.max(place + by, 0), tiles.length - 1)]?.photo.sha256);
  }

  // To the group before or after; past the last one, the next page.
  jump(by) {
    const place = this.cards.indexOf(this.card) + by;
    if (!this.cards[place]) return this.turn(by);
    this.focus(this.cards[place].group.photos[0].sha256);
    this.cards[place].root.scrollIntoView({ block: "nearest" });
  }

  turn(by) {
    if (!this.page) return;
    if (by > 0 && this.page.next) this.show({ from: this.page.next });
    if (by < 0 && this.page.has_previous) this.show({ before: this.page.from }, "last");
  }

  toggle(sha256) {
    const card = this.cards.find((one) => one.has(sha256));
    for (const other of this.selected) if (!card.has(other)) this.selected.delete(other);
    if (!this.selected.delete(sha256)) this.selected.add(sha256);
    for (const one of this.cards) one.drawSelection();
  }

  // The photo, large; the arrows go through its group, so that copies flip in place.
  enlarge(sha256 = this.focused) {
    const card = this.cards.find((one) => one.has(sha256));
    if (card) this.large = new Large(this, card, sha256);
  }

  pressed(event) {
    const name = chord(event);
    if (name === null || !this.hasKeys || this.large || isTyping(event)) return;
    const action = this.keymap.actionOf("groups", name);
    if (!action) return;
    const control = event.composedPath()[0].closest?.("button, input, a, summary, [role=button]");
    const isOurs = control && this.root.contains(control);
    if (control && !isOurs && ["Enter", "Space"].includes(name)) return;
    if (isOurs && !control.matches(".g-picture") && ["Enter", "Space"].includes(name)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const moves = ["groups-back", "groups-on", "groups-up", "groups-down"];
    if (!moves.includes(action) && !this.presses.isMeant(event, name)) return;
    this.act(action);
  }

  act(action) {
    switch (action) {
      case "groups-back":
        return this.step(-1);
      case "groups-on":
        return this.step(1);
      case "groups-up":
        return this.jump(-1);
      case "groups-down":
        return this.jump(1);
      case "groups-large":
        return this.enlarge();
      case "groups-select":
        return this.focused && this.toggle(this.focused);
      case "groups-apart":
        return this.apart();
      case "groups-keep":
        return this.keep();
      case "groups-undo":
        return this.undo();
      case "groups-help":
        return showHelp(this.keyTable, this.keymap, this.data.categories);
      case "groups-next-page":
        return this.turn(1);
      case "groups-previous-page":
        return this.turn(-1);
    }
  }
}

// One group: its head, its photos, what can be said of it.
class Card {
  constructor(view, group) {
    this.view = view;
    this.group = group;
    this.shas = new Set(group.photos.map((photo) => photo.sha256));
    const id = `group-${group.id}`;
    this.noted = el("p", { class: "g-note", hidden: true });
    this.photos = el("ul", { class: "g-photos" });
    this.tiles = [];
    this.showTiles(group.photos.length > SHOWN * 1.5 ? SHOWN : group.photos.length);
    this.parting = view.button("groups.apart", "groups-apart", () => view.apart(this));
    this.about = el("span", { class: "g-hint" });
    const isSeveral = group.photos.length > 1;
    this.root = el(
      "section",
      { class: `g-group ${width(group.photos.length)} ${group.status === "conflict" ? "g-disputed" : ""}`, "aria-labelledby": id, "data-group": group.id },
      el("div", { class: "g-head" }, el("h3", { id }, t("groups.size", { n: group.photos.length })), ...this.states()),
      this.noted,
      this.photos,
      isSeveral ? el("div", { class: "g-foot" }, this.parting, this.about) : null,
    );
    this.drawSelection();
  }

  states() {
    const { status, label, scraped_as } = this.group;
    const found = scraped_as.join(", ");
    const said = [];
    if (status === "conflict") {
      said.push(el("span", { class: "g-state g-open" }, "⚠ ", t("groups.conflict", { found })));
    } else {
      said.push(el("span", { class: "g-state" }, t("groups.found", { found })));
    }
    if (status === "labelled") said.push(el("span", { class: "g-state g-done" }, "✓ ", t("groups.labelled", { label })));
    if (status === "rejected") said.push(el("span", { class: "g-state" }, t("groups.rejected")));
    if (status === "unsure") said.push(el("span", { class: "g-state" }, t("groups.unsure")));
    return said;
  }

  showTiles(count) {
    const start = this.tiles.length;
    const some = this.group.photos.slice(start, count).map((photo, place) => new Tile(this.view, this, photo, start + place));
    this.tiles.push(...some);
    this.photos.append(...some.map((tile) => tile.root));
    this.more?.remove();
    const left = this.group.photos.length - this.tiles.length;
    if (!left) return some;
    const all = el("button", { type: "button", class: "g-button", click: () => this.showAll() }, t("groups.show_all", { n: left }));
    this.more = el("li", { class: "g-more" }, all);
    this.photos.append(this.more);
    return some;
  }

  async showAll() {
    const from = this.tiles.length;
    this.showTiles(this.group.photos.length);
    this.view.focus(this.tiles[from].photo.sha256);
    await this.view.draw([this]);
  }

  has(sha256) {
    return this.shas.has(sha256);
  }

  get selection() {
    return [...this.view.selected].filter((sha256) => this.has(sha256));
  }

  drawSelection() {
    const number = this.selection.length;
    for (const tile of this.tiles) tile.select(this.view.selected.has(tile.photo.sha256));
    this.about.textContent = number ? t("groups.selected", { n: number }) : t("groups.select");
    this.parting.disabled = !number || number === this.group.photos.length;
  }

  note(text, isWarning) {
    this.noted.replaceChildren(isWarning ? "⚠ " : "✓ ", text);
    this.noted.classList.toggle("g-warning", Boolean(isWarning));
    this.noted.hidden = false;
  }
}

// One photo of a group.
class Tile {
  constructor(view, card, photo, place) {
    this.photo = photo;
    const params = { place: place + 1, n: card.group.photos.length, found: photo.categories.join(", "), why: why(photo) };
    this.image = el("img", { alt: "", decoding: "async" });
    this.picture = el(
      "button",
      {
        type: "button",
        class: "g-picture",
        tabindex: "-1",
        "aria-label": t("groups.photo", params),
        click: () => {
          view.focus(photo.sha256);
          view.enlarge(photo.sha256);
        },
      },
      this.image,
    );
    this.box = el("input", { type: "checkbox", change: () => view.toggle(photo.sha256), focus: () => view.focus(photo.sha256, { isQuiet: true }) });
    const keep = el("button", { type: "button", class: "g-button g-small", click: () => view.keep(photo.sha256, card) }, t("groups.keep"));
    const isOne = card.group.photos.length < 2;
    this.root = el(
      "li",
      { class: `g-photo ${photo.kept ? "g-kept" : ""}`, "data-sha256": photo.sha256 },
      this.picture,
      el(
        "div",
        { class: "g-facts" },
        el("p", { class: "g-why" }, photo.kept ? "★ " : "", why(photo)),
        photo.chosen_by ? el("p", { class: "g-chosen" }, t("groups.chosen_by", { by: photo.chosen_by })) : null,
        el("p", { class: "g-found" }, photo.categories.join(", ")),
        el("p", { class: "g-size" }, `${photo.width} × ${photo.height}`, el("span", {}, `${photo.format} · ${bytes(photo.bytes)}`)),
        origin(photo),
      ),
      isOne ? null : el("div", { class: "g-says" }, el("label", { class: "g-box" }, this.box, el("span", {}, t("groups.not_same"))), photo.kept ? null : keep),
    );
  }

  draw(url) {
    if (url) this.image.src = url;
    else this.picture.replaceChildren(el("span", { class: "g-broken" }, t("groups.broken")));
  }

  mark(isFocused) {
    this.picture.tabIndex = isFocused ? 0 : -1;
    if (isFocused) this.root.setAttribute("aria-current", "true");
    else this.root.removeAttribute("aria-current");
  }

  select(isSelected) {
    this.box.checked = isSelected;
    this.root.classList.toggle("g-selected", isSelected);
  }
}

// A photo over the page, as large as fits. The arrows flip through its group.
class Large {
  constructor(view, card, sha256) {
    this.view = view;
    this.card = card;
    this.photos = card.group.photos;
    this.image = el("img", {});
    this.caption = el("p", { class: "g-caption", "aria-live": "polite" });
    const close = el("button", { type: "button", class: "g-button", click: () => this.close() }, t("groups.close"));
    const flips = this.photos.length > 1;
    const back = el("button", { type: "button", class: "g-button", "aria-label": t("groups.photo_before"), click: () => this.flip(-1) }, "←");
    const on = el("button", { type: "button", class: "g-button", "aria-label": t("groups.photo_after"), click: () => this.flip(1) }, "→");
    this.dialog = el(
      "dialog",
      { class: "mekiki mekiki-groups g-large", "aria-label": t("groups.large"), keydown: (event) => this.pressed(event), close: () => this.gone() },
      el("div", { class: "g-bar" }, this.caption, flips ? back : null, flips ? on : null, close),
      el("div", { class: "g-frame", click: () => this.close() }, this.image),
    );
    view.root.append(this.dialog); // where the theme is known
    this.dialog.showModal();
    close.focus();
    this.show(this.photos.findIndex((photo) => photo.sha256 === sha256));
  }

  async show(place) {
    this.place = place;
    const photo = this.photos[place];
    const found = photo.categories.join(", ");
    const said = t("groups.photo", { place: place + 1, n: this.photos.length, found, why: why(photo) });
    this.caption.textContent = `${said} · ${photo.width} × ${photo.height}`;
    this.image.alt = said;
    const [thumb] = await this.view.api.pack([photo.sha256]);
    if (this.place === place && thumb) this.image.src = thumb;
    const url = await this.view.api.picture(photo.sha256).catch(() => null);
    if (this.place === place && url) this.image.src = url;
    for (const next of this.photos.slice(0, SHOWN)) this.view.api.picture(next.sha256).catch(() => null);
  }

  flip(by) {
    this.show((this.place + by + this.photos.length) % this.photos.length);
  }

  pressed(event) {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.flip(by);
  }

  close() {
    this.dialog.close();
  }

  gone() {
    this.dialog.remove();
    this.view.large = null;
    if (!this.view.isClosed) this.view.focus(this.photos[this.place].sha256);
  }
}

// What a tab remembers of this page, over remounts and reloads.
class Memory {
  constructor(scope) {
    this.key = `mekiki/groups/${scope}`;
    this.from = null;
    this.undo = [];
    try {
      Object.assign(this, JSON.parse(sessionStorage.getItem(this.key) ?? "{}"));
    } catch {
      // a browser that keeps nothing: the page starts at its beginning
    }
  }

  keep(change) {
    Object.assign(this, change);
    try {
      sessionStorage.setItem(this.key, JSON.stringify({ from: this.from, undo: this.undo }));
    } catch {
      // remembered for as long as the page stands
    }
  }
}

function width(photos) {
  if (photos > 4) return "g-many";
  return photos > 2 ? "g-some" : "";
}

function why(photo) {
  return photo.kept ? t("groups.kept") : t(`reason.${photo.reason}`);
}

function bytes(number) {
  if (number < 1_000_000) return `${Math.max(1, Math.round(number / 1000))} kB`;
  return `${(number / 1_000_000).toFixed(1)} MB`;
}

// Where a photo comes from: its page, as a link, where it is one on the web.
function origin({ source, page, origin: from }) {
  const name = PLAIN_SOURCES.has(source) ? t(`source.${source}`) : source;
  const address = [page, from].find((one) => /^https?:\/\//.test(one));
  if (!address) return el("p", { class: "g-origin", title: from }, name, ": ", from.split("/").at(-1));
  const host = new URL(address).hostname;
  const link = el("a", { href: address, target: "_blank", rel: "noopener noreferrer", tabindex: "-1" }, host);
  return el("p", { class: "g-origin", title: address }, name, ": ", link);
}
