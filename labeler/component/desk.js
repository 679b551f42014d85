// The pages Label and Review: the bar above, and one photo or a page of them below.

import { askDone, showAbout, showHelp, showNote, showPhoto } from "./dialogs.js";
import { el, t } from "./kit.js";
import { Keymap, Presses, chord, isTyping } from "./keys.js";
import { Grid } from "./grid.js";
import { One } from "./one.js";

const QUEUES = {
  label: ["doubtful", "helpful", "least-sure", "flagged", "category", "random", "all", "mine"],
  review: ["disagree", "noted", "second"],
};
const SHOWS_DECIDED = new Set(["mine", "disagree", "noted", "all", "second"]);
const SIZES = [60, 120, 240];
const SAYS = /^(label-\d+|accept|right|reject|unsure)$/; // actions that label a photo
const HINT_MS = 4000;

export class Desk {
  constructor(session, view, keyTable) {
    this.session = session;
    this.view = view;
    this.keyTable = keyTable;
    this.keymap = new Keymap(keyTable, session.data.preferences?.keymap);
    this.presses = new Presses();
    this.isHeated = false; // whether what a run looks at is laid over photos
    const kept = session.place;
    const queues = QUEUES[view];
    this.place = {
      mode: kept.mode,
      size: SIZES.includes(kept.size) ? kept.size : 60,
      queue: queues.includes(kept[`${view}Queue`]) ? kept[`${view}Queue`] : queues[0],
      category: session.data.categories.includes(kept.category) ? kept.category : session.data.categories[0],
    };
    this.holder = el("div", { class: "mekiki-holder" });
    this.root = el("div", { class: "mekiki", tabindex: "-1", "data-unsaved": "0", mousedown: stayFocused }, this.bar(), this.holder);
    this.stop = session.listen((what, detail) => this.heard(what, detail));
    this.keydown = (event) => this.pressed(event);
    document.addEventListener("keydown", this.keydown);
    this.setMode(this.place.mode, kept[`${view}At`] ?? null);
    this.drawCounts();
    this.drawSaving();
    this.ticking = setInterval(() => this.drawRate(), 2000);
  }

  close() {
    document.removeEventListener("keydown", this.keydown);
    clearInterval(this.ticking);
    this.stop();
    this.shown?.close();
  }

  get query() {
    const { queue, category } = this.place;
    const of = queue === "category" ? `&category=${encodeURIComponent(category)}` : "";
    return `queue=${queue}${of}&client=${this.session.client}`;
  }

  // Whether what others said is not to be seen: a second opinion is asked for.
  get isBlind() {
    return this.place.queue === "second";
  }

  get showsDecided() {
    return SHOWS_DECIDED.has(this.place.queue);
  }

  get hasKeys() {
    return this.session.data.preferences?.keys !== false;
  }

  bar() {
    const { data } = this.session;
    this.counted = el("span", { class: "mekiki-counted" });
    this.meter = el("div", { class: "mekiki-meter", role: "progressbar", "aria-label": t("bar.progress"), "aria-valuemin": 0, "aria-valuemax": 100 }, el("div"));
    this.doubts = el("span", { class: "mekiki-doubts" });
    this.rate = el("span", { class: "mekiki-rate" });
    this.saving = el("span", { class: "mekiki-saving" });
    this.learned = el("span", { class: "mekiki-learned" });
    this.hinted = el("p", { class: "mekiki-hint", role: "status", hidden: true });
    this.queues = this.choice(
      t("bar.queue"),
      QUEUES[this.view].map((queue) => [queue, t(`queue.${queue}`)]),
      this.place.queue,
      (queue) => this.choose({ queue }),
    );
    this.category = this.choice(
      t("bar.category"),
      data.categories.map((name) => [name, name]),
      this.place.category,
      (category) => this.choose({ category }),
    );
    this.size = this.choice(
      t("bar.size"),
      SIZES.map((size) => [String(size), t("bar.photos", { n: size })]),
      String(this.place.size),
      (size) => this.choose({ size: Number(size) }),
    );
    this.modes = ["one", "grid"].map((mode) =>
      el("button", { type: "button", class: "mekiki-mode", click: () => this.switchMode(mode) }, t(`bar.${mode}`)),
    );
    const done = el("button", { type: "button", class: "mekiki-done", title: t("bar.done_hint"), click: () => this.finish() }, t("bar.done"));
    done.hidden = data.may_end === false;
    this.done = done;
    return el(
      "header",
      { class: "mekiki-bar" },
      el("div", { class: "mekiki-progress" }, el("p", {}, el("strong", {}, data.set), " · ", this.counted, this.doubts), this.meter),
      this.queues,
      this.category,
      el("div", { class: "mekiki-modes", role: "group", "aria-label": t("bar.mode") }, ...this.modes),
      this.size,
      el("span", { class: "mekiki-gap" }),
      this.learned,
      this.rate,
      this.saving,
      el("button", { type: "button", class: "mekiki-plain", "aria-label": t("bar.help"), title: t("bar.help"), click: () => this.help() }, "?"),
      done,
      this.hinted,
    );
  }

  choice(label, options, value, onChange) {
    let byMouse = true;
    const made = el(
      "select",
      {
        "aria-label": label,
        title: label,
        pointerdown: () => {
          byMouse = true;
        },
        keydown: () => {
          byMouse = false;
        },
        change: (event) => {
          onChange(event.target.value);
          if (byMouse) event.target.blur(); // the keys act on the photo again
        },
      },
      ...options.map(([key, words]) => el("option", { value: key, selected: key === value }, words)),
    );
    return made;
  }

  choose(change) {
    Object.assign(this.place, change);
    this.session.keepPlace({ [`${this.view}Queue`]: this.place.queue, category: this.place.category, size: this.place.size });
    this.drawChoices();
    this.session.release().then(() => this.shown.start()); // others may have what this queue held
  }

  switchMode(mode, at = null) {
    if (mode === this.place.mode && !at) return;
    const current = at ?? this.shown?.current?.sha256 ?? null;
    this.place.mode = mode;
    this.session.keepPlace({ mode });
    this.setMode(mode, current);
  }

  setMode(mode, at) {
    this.shown?.close();
    this.shown = mode === "grid" ? new Grid(this) : new One(this);
    this.root.dataset.mekiki = mode;
    this.holder.replaceChildren(this.shown.root);
    this.drawChoices();
    this.shown.start(at);
  }

  drawChoices() {
    this.category.hidden = this.place.queue !== "category";
    this.size.hidden = this.place.mode !== "grid";
    this.modes.forEach((button, place) => button.setAttribute("aria-pressed", String(["one", "grid"][place] === this.place.mode)));
  }

  // Where the curator is, for a reload.
  went(photo) {
    this.session.keepPlace({ [`${this.view}At`]: photo.sha256 });
  }

  heard(what, detail) {
    if (what === "saving" || what === "answer") this.drawSaving();
    if (what === "counts") {
      this.drawCounts();
      this.shown.counted?.();
    }
    if (what === "reread") this.shown.reread?.();
    if (what === "said") this.shown.said?.(detail);
    if (what === "changes") this.shown.changed();
    if (what === "conflict") this.conflict(detail);
    if (what === "answer" && detail) this.shown.said?.([detail]);
  }

  conflict({ answer, photo }) {
    const state = photo ? t("notice.conflict_short", { by: answer.by }) : t("notice.gone");
    this.hint(answer.reason || (answer.status === null ? t("notice.gone") : state), true);
    this.shown.conflict(photo);
  }

  drawCounts() {
    const counts = this.session.counts;
    if (!counts) return;
    const { total, decided, conflicts, flagged } = counts;
    this.counted.textContent = t("bar.counted", { decided, total });
    const doubts = [conflicts ? t("bar.conflicts", { n: conflicts }) : "", flagged ? t("bar.flagged", { n: flagged }) : ""];
    const left = doubts.filter(Boolean).join(t("bar.and"));
    this.doubts.textContent = left ? ` · ${t("bar.left", { left })}` : "";
    const share = total ? (100 * decided) / total : 0;
    this.meter.firstChild.style.width = `${share}%`;
    this.meter.setAttribute("aria-valuenow", share.toFixed(1));
    this.drawLearning();
    this.drawRate();
  }

  drawLearning() {
    const learning = this.session.learning;
    if (!learning) return;
    const { state, done, total, reason } = learning;
    const text = state === "looking" ? t("learning.looking", { done, total }) : t(`learning.${state}`);
    this.learned.textContent = text;
    this.learned.title = reason ?? "";
  }

  drawRate() {
    const rate = this.session.rate;
    this.rate.textContent = rate === null ? "" : t("bar.rate", { n: rate });
  }

  drawSaving() {
    const { unsaved, isOffline, isKept, reason } = this.session.outbox;
    this.root.dataset.unsaved = String(unsaved);
    this.root.classList.toggle("mekiki-offline", isOffline);
    const waiting = isOffline ? t("save.offline", { n: unsaved }) : t("save.unsaved", { n: unsaved });
    this.saving.textContent = unsaved ? waiting : t("save.saved");
    if (unsaved && reason) this.hint(t("save.refused", { reason }), true);
    if (unsaved && !isKept) this.saving.textContent += ` ${t("save.not_kept")}`;
  }

  hint(text, isWarning = false) {
    clearTimeout(this.hinting);
    this.hinted.textContent = text;
    this.hinted.hidden = !text;
    this.hinted.classList.toggle("mekiki-amber", isWarning);
    if (text) this.hinting = setTimeout(() => this.hint(""), isWarning ? HINT_MS * 3 : HINT_MS);
  }

  emptyWords() {
    const counts = this.session.counts;
    if (!counts) return t("one.loading");
    if (!counts.total) return t("one.no_photos", { set: this.session.data.set });
    if (this.view === "review") return t("one.nothing_to_review");
    const left = counts.total - counts.decided;
    return left ? t("one.queue_done", { n: left }) : t("one.all_done");
  }

  // End the labeling: first all that was said must be saved.
  // End the labeling, for everybody; where others are there, too, when it is meant.
  async finish(sure = false) {
    const { outbox } = this.session;
    if (this.isEnding) return;
    this.isEnding = true;
    this.done.disabled = true;
    outbox.retry();
    while (outbox.unsaved) {
      this.hint(t(outbox.isOffline ? "save.done_offline" : "save.done_waits", { n: outbox.unsaved }), outbox.isOffline);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    try {
      const { others = [] } = await this.session.api.post("done", { sure });
      if (!others.length) location.replace("/mekiki/done");
      else {
        this.isEnding = false;
        this.done.disabled = false;
        askDone(others, () => this.finish(true));
      }
    } catch (error) {
      this.isEnding = false;
      this.done.disabled = false;
      this.hint(t("bar.not_done", { reason: error.message }), true);
    }
  }

  pressed(event) {
    if (!this.root.isConnected || isTyping(event)) return;
    if (document.querySelector(".mekiki-dialog[open]")) return; // wherever the focus is
    const name = chord(event);
    if (!name) return;
    if (!this.hasKeys && !this.holder.contains(document.activeElement)) return;
    const action = this.keymap.actionOf(this.place.mode, name);
    if (!action) return;
    const isButton = event.composedPath()[0]?.closest?.("button, a, select, summary, [role=tab], [role=button]");
    if (isButton && (name === "Enter" || name === "Space")) {
      if (event.repeat) event.preventDefault(); // held down it would press again and again
      return; // they press what has the focus
    }
    const isMove = /^(go|reach)-/.test(action);
    event.preventDefault();
    if (!isMove && event.repeat) return;
    if (SAYS.test(action) && !this.presses.isMeant(event, name)) return;
    this.session.finding = null;
    this.act(action, event.timeStamp);
  }

  act(action, pressedAt) {
    const { shown } = this;
    const label = /^label-(\d+)$/.exec(action);
    if (label) {
      const name = this.session.data.categories[Number(label[1]) - 1];
      if (name !== undefined) this.say({ action: "word", label: name, status: "labelled" }, pressedAt);
      return;
    }
    const move = /^(go|reach)-(\w+)$/.exec(action);
    if (move) {
      shown.go(move[2], move[1] === "reach");
      return;
    }
    const acts = {
      accept: () => shown.accept(pressedAt),
      right: () => shown.right(pressedAt),
      reject: () => this.say({ action: "word", status: "rejected" }, pressedAt),
      unsure: () => this.say({ action: "word", status: "unsure" }, pressedAt),
      note: () => this.askNote(),
      undo: () => shown.undo(),
      redo: () => shown.redo(),
      back: () => shown.back(),
      skip: () => shown.skip(),
      zoom: () => this.zoom(),
      heat: () => shown.heat?.(),
      select: () => shown.select(),
      "next-page": () => shown.turn(1),
      "previous-page": () => shown.turn(-1),
      "first-page": () => shown.jump("first"),
      "last-page": () => shown.jump("last"),
      "select-page": () => shown.selectPage(),
      clear: () => shown.clear?.(),
      find: () => shown.panel?.find(),
      about: () => this.about(),
      mode: () => this.switchMode(this.place.mode === "one" ? "grid" : "one"),
      help: () => this.help(),
    };
    acts[action]?.();
  }

  askNote() {
    const { current } = this.shown;
    if (current && this.shown.isSeen(current)) showNote((note) => this.session.say([current], { action: "flag", note }));
  }

  zoom() {
    const { current } = this.shown;
    if (current && (this.shown.isShown ?? true)) showPhoto(this.session.api, current);
  }

  about() {
    const { current } = this.shown;
    if (current && !this.isBlind) showAbout(this.session.api, current);
  }

  help() {
    showHelp(this.keyTable, this.keymap, this.session.data.categories);
  }

  // What is to be said of photos: in a blind queue an opinion, and no word.
  told(what) {
    if (!this.isBlind) return what;
    return { action: "second", label: what.label ?? null, status: what.status };
  }

  // A button with its words and its key.
  button(words, action, click, style = "") {
    return el("button", { type: "button", class: `mekiki-plain ${style}`, click }, t(words), this.cap(action));
  }

  // A button of each category; press is told its name, marks are put before its key.
  labelButtons(press, ...marks) {
    return this.session.data.categories.map((name, place) =>
      el(
        "button",
        { type: "button", class: "mekiki-label", title: name, click: () => press(name) },
        el("span", { class: "mekiki-name" }, name),
        ...marks.map((mark) => mark()),
        this.cap(`label-${place + 1}`),
      ),
    );
  }

  cap(action) {
    if (!this.hasKeys) return null;
    const key = this.keymap.keyOf(action);
    return key ? el("kbd", { "aria-hidden": "true" }, key) : null;
  }

  say(what, pressedAt) {
    if (this.place.mode === "grid") this.shown.say(what, pressedAt);
    else this.shown.act(what, pressedAt);
  }
}

// A button that the mouse presses does not take the focus: Space and Enter go on to act
// on the photo, not on that button once more.
function stayFocused(event) {
  if (event.target.closest("button")) event.preventDefault();
}
