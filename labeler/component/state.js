// What a curator's tab knows: photos as they are with everything said, said or not yet
// saved; what can be undone; where they are. It lives as long as the page does, whatever
// becomes of the component, and what a reload must keep is in the browser's storage.

import { AskError, Api, live, t } from "./kit.js";
import { Outbox } from "./outbox.js";

const CHANGES_EVERY_MS = 5000;
const RENEW_EVERY_MS = 3000;
export const READ_MS = 700; // nobody has read what changed more lately
const WORDS = new Set(["confirm", "relabel", "reject", "unsure"]);
const RATE_OVER_MS = 120_000; // photos a minute are counted over this

export const DECIDED = new Set(["labelled", "rejected", "unsure"]);

const sessions = new Map(); // "set/user" → Session

export function openSession(data) {
  const scope = [data.catalog, data.set, data.user].map(encodeURIComponent).join("/");
  if (!sessions.has(scope)) sessions.set(scope, new Session(scope, data));
  const session = sessions.get(scope);
  session.renewed(data);
  return session;
}

export class Session {
  constructor(scope, data) {
    this.scope = scope;
    this.data = data;
    this.photos = new Map(); // sha256 → photo
    this.pending = new Map(); // sha256 → how many ops are not answered yet
    this.done = []; // what can be undone: lists of {sha256, client, seq, before, after}
    this.undone = [];
    this.hasAsked = false; // for what was said before this page was opened
    this.counts = null;
    this.learning = null;
    this.event = 0;
    this.times = []; // when photos were decided, and how many at once
    this.finding = null; // what is typed into the search for a category, while it is
    this.kept = null; // by a view that was closed: see ``keptOf``
    this.listeners = new Set();
    this.renewal = () => {};
    this.renewedAt = 0;
    this.api = new Api(data.token, () => this.renew());
    this.place = readPlace(scope, data);
    this.outbox = new Outbox({
      scope,
      send: (groups, keepalive) => this.api.post("ops", { outbox: groups }, { keepalive }).then((answer) => this.heard(answer)),
      onAnswer: (answer, op, isOwn) => this.answered(answer, op, isOwn),
      onChange: () => this.tell("saving"),
    });
    addEventListener("online", () => this.outbox.retry());
    addEventListener("pagehide", () => {
      this.outbox.leave();
      this.release();
    });
    addEventListener("beforeunload", (event) => {
      if (this.outbox.unsaved) event.preventDefault();
    });
    this.poll();
  }

  get client() {
    return this.outbox.client;
  }

  renewed(data) {
    const isNew = data.token !== this.api.token;
    this.data = data;
    this.api.token = data.token;
    if (isNew) this.outbox.retry();
  }

  // The token was refused: ask the page for another, not more often than it can answer.
  renew() {
    if (Date.now() - this.renewedAt < RENEW_EVERY_MS) return;
    this.renewedAt = Date.now();
    this.renewal();
  }

  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(what, detail) {
    for (const listener of [...this.listeners]) listener(what, detail);
  }

  // Take over what the server says of photos, but not what waits here to be saved.
  learn(photos) {
    return photos.map((photo) => {
      const known = this.photos.get(photo.sha256);
      if (!known) {
        this.photos.set(photo.sha256, photo);
        return photo;
      }
      const { label, status, version } = known;
      const isStale = photo.version < version; // asked for before it was said
      Object.assign(known, photo);
      if (this.pending.get(photo.sha256) || isStale) Object.assign(known, { label, status, version });
      else if (photo.version > version) Object.assign(known, { changedAt: performance.now(), seenVersion: version });
      return known;
    });
  }

  heard(answer) {
    if (answer.counts) this.counts = answer.counts;
    if (answer.learning) this.learning = answer.learning;
    this.tell("counts");
    return answer;
  }

  // Say something of photos, at once on the screen and soon at the server.
  // what: {action, label, status, note}
  say(photos, what, shownMs = null, pressedAt = undefined) {
    this.sayAll([{ photos, said: what }], shownMs, pressedAt);
  }

  // The same of several groups of photos: one bulk, undone as one. What others changed
  // just before the press could not be read yet: such an op names what was there before.
  sayAll(groups, shownMs = null, pressedAt = performance.now()) {
    const each = groups.flatMap(({ photos, said }) => photos.map((photo) => ({ photo, what: said })));
    if (!each.length) return;
    const items = [];
    let batch = null;
    for (const { photo, what } of each) {
      const seq = this.outbox.next();
      if (each.length > 1) batch ??= seq;
      const before = { label: photo.label, status: photo.status };
      const op = {
        seq,
        sha256: photo.sha256,
        action: what.action,
        label: what.label ?? null,
        status: what.status ?? null,
        base_version: pressedAt - (photo.changedAt ?? -Infinity) < READ_MS ? photo.seenVersion : photo.version,
        shown_ms: shownMs === null ? null : Math.round(shownMs),
        batch,
        note: what.note ?? "",
      };
      if (what.action === "word") Object.assign(op, wordOf(photo, what));
      this.apply(photo, op);
      items.push({ sha256: photo.sha256, client: this.client, seq, before, op });
    }
    this.done.push(items);
    this.undone = [];
    this.count(each.length);
    this.tell("said", each.map(({ photo }) => photo));
  }

  apply(photo, op) {
    if (WORDS.has(op.action)) {
      const status = { reject: "rejected", unsure: "unsure" }[op.action] ?? "labelled";
      const label = status === "labelled" ? op.label : photo.label;
      Object.assign(photo, { label, status, version: photo.version + 1, conflict: null });
    } else if (op.action === "second") {
      photo.second = { label: op.label, status: op.status };
    } else if (op.action === "flag") {
      photo.note = op.note;
    }
    this.sent(photo.sha256);
    this.outbox.add(op);
  }

  sent(sha256) {
    this.pending.set(sha256, (this.pending.get(sha256) ?? 0) + 1);
  }

  answered(answer, op, isOwn) {
    const photo = this.photos.get(op.sha256);
    const before = this.pending.get(op.sha256) ?? 0;
    const left = isOwn ? Math.max(before - 1, 0) : before;
    if (isOwn) this.pending.set(op.sha256, left);
    if (photo && (!answer.accepted || !left)) {
      const { label, status, version } = answer;
      Object.assign(photo, status ? { label, status, version } : { gone: true });
    }
    if (!answer.accepted && !this.agrees(answer, op)) {
      if (photo && answer.by) photo.conflict = { by: answer.by, label: answer.label, status: answer.status };
      this.tell("conflict", { answer, op, photo });
    }
    this.tell("answer", photo);
  }

  // Two of one mind: what was said is true already.
  agrees(answer, op) {
    if (answer.status === "labelled") return answer.label === op.label;
    return { reject: "rejected", unsure: "unsure" }[op.action] === answer.status;
  }

  // Take back the newest thing said; what was said before this page, too.
  async undo() {
    if (!this.done.length && !this.hasAsked) {
      this.recalling ??= this.recall().finally(() => {
        this.recalling = null;
      });
      await this.recalling;
    }
    const items = this.done.pop();
    if (!items) return null;
    const photos = [];
    let batch = null;
    for (const item of items) {
      const photo = this.photos.get(item.sha256);
      if (!photo) continue;
      const seq = this.outbox.next();
      if (items.length > 1) batch ??= seq;
      const isWord = WORDS.has(item.op?.action ?? "relabel");
      if (isWord) Object.assign(photo, item.before, { version: photo.version + 1, conflict: null });
      item.at = photo.version; // what saying it again is about
      if (item.op?.action === "second") photo.second = null;
      if (item.op?.action === "flag") photo.note = null;
      this.sent(photo.sha256);
      this.outbox.add({
        seq,
        sha256: photo.sha256,
        action: "undo",
        label: null,
        status: null,
        base_version: photo.version - (isWord ? 1 : 0),
        shown_ms: null,
        batch,
        note: "",
        undoes: [item.client, item.seq],
      });
      photos.push(photo);
    }
    this.undone.push(items);
    this.count(-items.length);
    this.tell("said", photos);
    return photos;
  }

  redo() {
    const items = this.undone.pop();
    if (!items) return null;
    const kept = this.undone;
    const photos = [];
    let batch = null;
    const again = items
      .map((item) => ({ item, photo: this.photos.get(item.sha256) }))
      .filter(({ item, photo }) => photo && item.op);
    for (const { item, photo } of again) {
      const seq = this.outbox.next();
      if (again.length > 1) batch ??= seq;
      item.before = { label: photo.label, status: photo.status };
      item.op = { ...item.op, seq, batch, base_version: item.at ?? photo.version, shown_ms: null };
      Object.assign(item, { client: this.client, seq });
      this.apply(photo, item.op);
      photos.push(photo);
    }
    this.done.push(items);
    this.undone = kept;
    this.count(photos.length);
    this.tell("said", photos);
    return photos;
  }

  // Ask the server for what this curator said before, newest last.
  async recall() {
    if (this.outbox.unsaved) await this.outbox.flush();
    if (this.outbox.unsaved) return;
    const { words, photos } = await this.api.get("mine?limit=500");
    this.hasAsked = true;
    this.learn(photos);
    const groups = new Map();
    for (const word of words) {
      if (word.client === this.client) continue;
      const key = word.batch === null ? `${word.client}/${word.seq}` : `${word.client}/batch/${word.batch}`;
      const before = { label: word.old_label, status: word.old_status };
      const op = { action: word.action, label: word.new_label, sha256: word.sha256, note: "", status: word.action === "second" ? word.new_status : null };
      const item = { sha256: word.sha256, client: word.client, seq: word.seq, before, op };
      groups.set(key, [...(groups.get(key) ?? []), item]);
    }
    this.done = [...groups.values()].reverse().concat(this.done);
  }

  count(photos) {
    this.times.push([Date.now(), photos]);
    if (this.times.length > 2000) this.times.splice(0, 1000);
  }

  // Photos a minute, over the last two minutes; null before there is something to count.
  get rate() {
    const now = Date.now();
    const recent = this.times.filter(([at]) => now - at < RATE_OVER_MS);
    const photos = recent.reduce((sum, [, number]) => sum + number, 0);
    if (photos < 3) return null;
    const minutes = Math.max((now - recent[0][0]) / 60_000, 10 / 60);
    return Math.round(photos / minutes);
  }

  async poll() {
    try {
      const answer = await this.api.get(`changes?since=${this.event}&client=${this.client}`);
      this.event = answer.event;
      if (answer.photos) this.learn(answer.photos.filter(({ sha256 }) => this.photos.has(sha256)));
      else this.tell("reread"); // too much happened to be told photo by photo
      this.heard(answer);
      if (this.outbox.isOffline) this.outbox.retry();
      this.tell("changes");
    } catch (error) {
      if (error instanceof AskError && error.status === 0) this.tell("saving");
    }
    setTimeout(() => this.poll(), CHANGES_EVERY_MS);
  }

  // Let go of photos that were kept for this tab; of all where none are named.
  release(shas = null) {
    const body = { client: this.client, shas };
    return this.api.post("release", body, { keepalive: shas === null }).catch(() => {});
  }

  // What a view that was closed has left for the next one of the same queue.
  keptOf(query) {
    return this.kept?.query === query ? this.kept : null;
  }

  keepPlace(change) {
    Object.assign(this.place, change);
    try {
      sessionStorage.setItem(`mekiki/place/${this.scope}`, JSON.stringify(this.place));
    } catch {
      live(t("save.not_kept"));
    }
  }
}

// Whether a photo has a label to confirm.
export function isSettled(photo) {
  return photo.label !== null && (photo.status === "scraped" || photo.status === "labelled");
}

// The label that accepting a photo gives it: the suggestion, else what it has, else null.
export function labelToAccept(photo) {
  return photo.suggested ?? (isSettled(photo) ? photo.label : null);
}

function wordOf(photo, { label, status }) {
  if (status === "rejected") return { action: "reject", label: null, status: null };
  if (status === "unsure") return { action: "unsure", label: null, status: null };
  const action = isSettled(photo) && photo.label === label ? "confirm" : "relabel";
  return { action, label, status: null };
}

function readPlace(scope, data) {
  const usual = { mode: "one", size: 60, ...data.preferences?.place };
  try {
    return { ...usual, ...JSON.parse(sessionStorage.getItem(`mekiki/place/${scope}`) ?? "{}") };
  } catch {
    return usual;
  }
}
