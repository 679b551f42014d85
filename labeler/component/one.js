// One photo at a time: the photo large, beside it all that can be said of it. A press
// counts for the photo that is painted, and for no other.

import { Heat } from "./heat.js";
import { AskError, afterPaint, el, isFinal, live, t } from "./kit.js";
import { Panel } from "./panel.js";
import { DECIDED, isSettled, labelToAccept } from "./state.js";

const AHEAD = 30; // more photos are asked for when no more are left, or half of a small gift
const FETCHED = 24; // pictures held ready, as files
const DECODED = 6; // and as pixels
const PASSED = 200; // photos one can go back over
const RETRY_MS = 1500;

export class One {
  constructor(desk) {
    this.desk = desk;
    this.session = desk.session;
    this.line = []; // the current photo first
    this.passed = []; // those left behind, the newest last
    this.ready = new Map(); // sha256 → Promise of a decoded <img>, or of null
    this.decoded = new Map(); // sha256 → what that came to
    this.isPainted = false;
    this.paintedAt = 0;
    this.isAsking = false;
    this.isAtEnd = false;
    this.isGone = false;
    this.asked = 0; // counts up with each new queue
    this.figure = el("figure", { class: "mekiki-photo" });
    this.panel = new Panel(desk, this);
    this.heating = new Heat(desk);
    const stage = el("div", { class: "mekiki-stage" }, this.figure, this.heating.line);
    this.root = el("div", { class: "mekiki-one" }, stage, this.panel.root);
    this.sized = new ResizeObserver(() => this.fit());
    this.sized.observe(this.figure);
  }

  get current() {
    return this.line[0] ?? null;
  }

  // Begin a queue, at the photo the curator was at where there is one.
  async start(at = null) {
    this.line = [];
    this.passed = this.session.keptOf(this.desk.query)?.passed ?? [];
    this.session.kept = null;
    this.after = ""; // the last photo the server gave, and of which order
    this.lineName = "";
    this.shown = new Set(); // sha256 of all that this queue has shown
    this.few = AHEAD; // more are asked for when no more are left
    this.isAtEnd = false;
    this.isAsking = false;
    this.asked += 1;
    this.blank(t("one.loading"));
    await this.fill(at);
    if (!this.isGone && this.isShown === null) this.show();
  }

  get isShown() {
    return this.figure.dataset.sha256 ?? null;
  }

  isSeen(photo) {
    return photo === this.current && this.isPainted;
  }

  close() {
    this.session.kept = { query: this.desk.query, passed: this.passed };
    this.isGone = true;
    this.sized.disconnect();
    this.heating.draw(null, null);
  }

  // Ask for more photos when few are left; again and again while the line is cut.
  async fill(at = null) {
    if (this.isAsking || this.isAtEnd || this.isGone || this.line.length > this.few) return;
    this.isAsking = true;
    const asked = this.asked;
    const after = this.after ? `&after=${this.after}&line=${this.lineName}` : "";
    const from = at && !this.after ? `&at=${at}` : "";
    try {
      const answer = await this.session.api.get(`queue?${this.desk.query}${after}${from}&n=50`);
      if (asked !== this.asked) return;
      this.isAsking = false;
      const known = new Set(this.line.map(({ sha256 }) => sha256));
      for (const { sha256 } of this.passed) known.add(sha256);
      const isNew = ({ sha256 }) => !known.has(sha256) && !(this.desk.showsDecided && this.shown.has(sha256));
      const fresh = this.session.learn(answer.photos).filter((photo) => isNew(photo) && this.isOpen(photo));
      this.isAtEnd = answer.photos.length === 0;
      this.after = answer.photos.at(-1)?.sha256 ?? this.after;
      this.lineName = answer.line;
      this.few = Math.min(AHEAD, Math.floor(answer.photos.length / 2));
      this.line.push(...fresh);
      if (!this.isShown || !this.current) this.show();
      else this.prepare();
      if (!fresh.length && !this.isAtEnd) this.fill(); // all known: a new order, from the top
    } catch (error) {
      if (asked !== this.asked || this.isGone) return;
      this.isAsking = false;
      if (isFinal(error)) {
        this.blank(error.message);
        return;
      }
      setTimeout(() => this.fill(at), RETRY_MS);
    }
  }

  // Whether a photo is still to be shown: what was said of it may not be saved yet.
  isOpen(photo) {
    if (this.session.outbox.waitsFor(photo.sha256)) return false;
    if (this.desk.isBlind) return !photo.second;
    return this.desk.showsDecided || !DECIDED.has(photo.status);
  }

  // Hold pictures ready: files of the next ones, pixels of the very next.
  prepare() {
    const wanted = this.line.slice(0, FETCHED);
    for (const { sha256 } of wanted) this.session.api.picture(sha256).catch(() => {});
    for (const { sha256 } of this.line.slice(0, DECODED)) this.decode(sha256);
    const held = new Set(this.line.slice(0, DECODED + 2).map(({ sha256 }) => sha256));
    for (const sha256 of this.decoded.keys()) {
      if (held.has(sha256) || sha256 === this.isShown) continue;
      this.decoded.delete(sha256);
      this.ready.delete(sha256);
    }
  }

  decode(sha256) {
    if (this.ready.has(sha256)) return this.ready.get(sha256);
    const image = new Image();
    const ready = this.session.api
      .picture(sha256)
      .then((url) => {
        image.src = url;
        return image.decode();
      })
      .then(() => image)
      .catch((error) => {
        if (error instanceof AskError && error.status !== 404) throw error; // tried again
        return null; // the file can't be shown, and that is final
      });
    ready.then(
      (found) => this.decoded.set(sha256, found),
      () => this.ready.delete(sha256),
    );
    this.ready.set(sha256, ready);
    return ready;
  }

  show() {
    const photo = this.current;
    if (!photo) {
      this.end();
      return;
    }
    this.isPainted = false;
    if (this.decoded.has(photo.sha256)) this.place(photo, this.decoded.get(photo.sha256));
    else this.wait(photo);
    this.fill();
    this.prepare();
  }

  async wait(photo) {
    this.blank(t("one.loading"));
    try {
      const image = await this.decode(photo.sha256);
      if (this.current === photo && !this.isGone) this.place(photo, image);
    } catch {
      if (this.current === photo && !this.isGone) setTimeout(() => this.current === photo && this.wait(photo), RETRY_MS);
    }
  }

  // Put the photo on the screen; it counts as seen once the frame has been painted.
  place(photo, image) {
    this.figure.dataset.sha256 = photo.sha256;
    this.figure.setAttribute("aria-current", "true");
    this.figure.setAttribute("aria-busy", "true"); // until it is painted, and counts
    this.figure.classList.remove("mekiki-empty");
    this.heating.draw(null, null); // until it is painted
    if (image) {
      image.alt = this.describe(photo);
      this.figure.replaceChildren(image);
    } else {
      this.figure.replaceChildren(el("p", { class: "mekiki-note" }, t("one.broken")));
    }
    this.shown.add(photo.sha256);
    this.fit();
    this.panel.draw(photo);
    this.desk.went(photo);
    afterPaint(() => this.painted(photo));
  }

  painted(photo) {
    if (this.current !== photo) return;
    this.isPainted = true;
    this.paintedAt = performance.now();
    this.figure.removeAttribute("aria-busy");
    this.heating.draw(photo, this.decoded.get(photo.sha256) ?? null);
  }

  // What a run looks at in the photo, and in the next ones, until it is asked again.
  heat() {
    this.heating.toggle();
  }

  describe(photo) {
    if (this.desk.isBlind) return t("one.alt_blind");
    const found = photo.scraped_as.join(", ");
    const title = photo.about?.title;
    return title ? t("one.alt_titled", { found, title }) : t("one.alt", { found });
  }

  // A small photo is enlarged, but not beyond three times its size.
  fit() {
    const image = this.figure.querySelector("img");
    if (!image) return;
    image.style.maxHeight = "";
    image.style.setProperty("--natural", `${image.naturalHeight * 3}px`);
    this.heating.fit();
  }

  blank(text, ...more) {
    delete this.figure.dataset.sha256;
    this.figure.removeAttribute("aria-current");
    this.figure.removeAttribute("aria-busy");
    this.figure.classList.add("mekiki-empty");
    this.figure.replaceChildren(el("p", { class: "mekiki-note" }, text), ...more);
    this.isPainted = false;
    this.heating.draw(null, null);
  }

  end() {
    if (this.isAsking || !this.isAtEnd) {
      this.blank(t("one.loading"));
      this.fill();
      return;
    }
    const text = this.desk.emptyWords();
    const skipped = this.passed.filter((photo) => !DECIDED.has(photo.status) && !photo.second);
    const again = el("button", { type: "button", class: "mekiki-plain", click: () => this.again(skipped) }, t("one.again", { n: skipped.length }));
    this.blank(text, ...(skipped.length ? [again] : []));
    this.panel.drawEnd();
    live(text);
  }

  // Show once more what was left without an answer.
  again(skipped) {
    this.passed = this.passed.filter((photo) => !skipped.includes(photo));
    this.line = skipped;
    this.show();
  }

  // What a key or a button asks for: {action, label, status}, and when it went
  // down. Before the photo was painted nobody can have meant it.
  act(what, pressedAt = performance.now()) {
    const photo = this.current;
    if (!photo) return;
    if (!this.isShown || !this.isPainted || pressedAt < this.paintedAt) {
      live(t("one.not_yet"));
      this.desk.hint(t("one.not_yet"));
      return;
    }
    if (photo.gone) {
      this.go();
      return;
    }
    const looked = performance.now() - this.paintedAt;
    const said = this.desk.told(what);
    this.session.say([photo], said, looked, pressedAt);
    this.flash(said);
    this.go();
  }

  // Say for a moment what was pressed, for the eye that has moved on.
  flash({ label, status }) {
    const text = status === "rejected" ? t("panel.reject") : status === "unsure" ? t("panel.unsure") : label;
    if (text) this.panel.said(text);
    if (text) live(t("one.said", { text }));
  }

  // Take what is suggested; where nothing is, the label the photo has.
  accept(pressedAt) {
    const photo = this.current;
    if (!photo) return;
    const label = labelToAccept(photo);
    if (label === null || this.desk.isBlind) live(t("one.nothing_suggested"));
    else this.act({ action: "word", label, status: "labelled" }, pressedAt);
  }

  right(pressedAt) {
    const photo = this.current;
    if (photo && isSettled(photo) && !this.desk.isBlind) {
      this.act({ action: "word", label: photo.label, status: "labelled" }, pressedAt);
    } else live(t("one.nothing_to_confirm"));
  }

  go() {
    this.passed.push(this.line.shift());
    if (this.passed.length > PASSED) this.passed.shift();
    this.show();
  }

  skip() {
    if (this.current) this.go();
  }

  back() {
    const photo = this.passed.pop();
    if (!photo) return;
    this.line.unshift(photo);
    this.show();
  }

  async undo() {
    const photos = await this.session.undo();
    this.bring(photos, t("one.nothing_to_undo"));
  }

  redo() {
    const photos = this.session.redo();
    if (photos?.length && photos[0] === this.current) this.go();
    else this.bring(photos, t("one.nothing_to_redo"));
  }

  // Show what was just taken back or said again.
  bring(photos, otherwise) {
    if (!photos?.length) {
      live(otherwise);
      this.desk.hint(otherwise);
      return;
    }
    const shas = new Set(photos.map(({ sha256 }) => sha256));
    this.passed = this.passed.filter(({ sha256 }) => !shas.has(sha256));
    this.line = this.line.filter(({ sha256 }) => !shas.has(sha256));
    this.line.unshift(...photos);
    this.show();
  }

  // Somebody else decided a photo that we did, too: show it soon.
  conflict(photo) {
    if (!photo) return;
    const isCurrent = photo === this.current;
    if (photo.gone) {
      this.line = this.line.filter((other) => other !== photo);
      this.passed = this.passed.filter((other) => other !== photo);
      if (isCurrent) this.show();
      return;
    }
    if (isCurrent) {
      this.panel.draw(photo);
      return;
    }
    this.passed = this.passed.filter((other) => other !== photo);
    if (!this.line.includes(photo)) this.line.splice(1, 0, photo);
    if (this.isShown) this.prepare();
    else this.show();
  }

  // What happened meanwhile was too much to be told photo by photo.
  reread() {
    if (this.isShown) this.start(this.current.sha256);
  }

  // Others' words: what they decided meanwhile is not shown again.
  changed() {
    const isOpen = (photo, place) => place === 0 || photo.conflict || !DECIDED.has(photo.status) || this.desk.showsDecided;
    this.line = this.line.filter(isOpen);
    if (this.current && this.isShown) this.panel.draw(this.current);
    if (!this.current && this.isAtEnd) {
      this.isAtEnd = false; // others may have left some
      this.after = "";
    }
    this.fill();
  }

  // How far the work is has become known, or has changed.
  counted() {
    if (!this.current && this.isAtEnd) this.end();
  }

  // A photo that this tab said something of, or that was answered.
  said(photos) {
    if (this.isShown && photos.includes(this.current)) this.panel.draw(this.current);
  }
}
