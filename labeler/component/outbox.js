// Ops on their way to the server. Each is in the browser's storage before the screen
// goes on, and is taken out once the server has answered it; the server knows an op by
// (client, seq), so that sending one twice changes nothing. What a closed tab left
// behind is sent by the next one of the same curator, under its own client and seq.

const SEND_AFTER_MS = 100; // from the first op that waits
const AT_ONCE = 250; // ops in a request
const KEEPALIVE_BYTES = 60_000; // what a browser sends for a page that is closing
const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15000, 30000];
const ALIVE_EVERY_MS = 3000;
const UNREADABLE = new Set([400, 413, 500]); // what the server says of such a request
const LEFT_BEHIND_MS = 10_000; // a tab that was not alive for so long is closed

// A store like localStorage, for where the browser refuses one: as long as the page.
export class Memory {
  constructor() {
    this.items = new Map();
  }
  get length() {
    return this.items.size;
  }
  key(place) {
    return [...this.items.keys()][place] ?? null;
  }
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}

export function usableStorage() {
  try {
    localStorage.setItem("mekiki/probe", "1");
    localStorage.removeItem("mekiki/probe");
    return localStorage;
  } catch {
    return new Memory();
  }
}

export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  // send: (groups, keepalive) → Promise of the server's answer
  // onAnswer: told each answer with its op; onChange: told when the state has changed
  constructor({ scope, send, onAnswer, onChange, storage = usableStorage() }) {
    this.scope = scope; // "set/user"
    this.send = send;
    this.onAnswer = onAnswer;
    this.onChange = onChange;
    this.storage = storage;
    this.client = randomId();
    this.seq = 0;
    this.own = []; // ops of this page, in order
    this.adopted = new Map(); // client → ops that another tab left behind
    this.elsewhere = new Set(); // sha256 of what other tabs said and is not answered
    this.isOffline = false;
    this.isCareful = false; // whether ops are sent one by one
    this.reason = ""; // why the server took nothing, where it said so
    this.isKept = true; // whether the browser's storage takes them
    this.isSending = false;
    this.failures = 0;
    this.timer = null;
    this.beat();
    this.pulse = setInterval(() => this.beat(), ALIVE_EVERY_MS);
  }

  get unsaved() {
    let waiting = this.own.length;
    for (const ops of this.adopted.values()) waiting += ops.length;
    return waiting;
  }

  // Take the number of the next op.
  next() {
    this.seq += 1;
    return this.seq;
  }

  add(op) {
    this.own.push(op);
    this.write(this.client, op);
    this.onChange();
    if (this.timer === null && !this.isSending) this.later(SEND_AFTER_MS);
  }

  // Send now what waits: the line is back, or the page has a new token.
  retry() {
    this.failures = 0;
    clearTimeout(this.timer);
    this.timer = null;
    this.flush();
  }

  // Send all there is without waiting for an answer: the page is closing.
  leave() {
    this.storage.removeItem(`mekiki/alive/${this.client}`); // the next tab may take over
    const groups = [];
    let left = KEEPALIVE_BYTES;
    for (const group of this.groups(Infinity)) {
      const ops = [];
      for (const op of group.ops) {
        left -= JSON.stringify(op).length + 1;
        if (left < 0) break;
        ops.push(op);
      }
      if (ops.length) groups.push({ client: group.client, ops });
    }
    if (groups.length) this.send(groups, true).catch(() => {});
  }

  close() {
    clearInterval(this.pulse);
    clearTimeout(this.timer);
  }

  async flush() {
    if (this.isSending || !this.unsaved) return;
    this.isSending = true;
    const groups = this.groups(this.isCareful ? 1 : AT_ONCE);
    try {
      const answer = await this.send(groups, false);
      this.failures = 0;
      this.isOffline = false;
      this.isCareful &&= this.unsaved > 1;
      this.settle(groups, answer);
      this.reason = "";
    } catch (error) {
      if (UNREADABLE.has(error.status)) this.setAside(groups);
      this.failures += 1;
      this.isOffline = true;
      this.reason = error.status >= 400 && error.status !== 401 ? error.message : "";
    }
    this.isSending = false;
    this.onChange();
    if (!this.unsaved) return;
    const wait = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length) - 1];
    this.later(this.failures ? wait : 0);
  }

  // The server can't read a request: find the op by sending them one by one, and send
  // that one after all others, so that it stops none of them.
  setAside(groups) {
    if (!this.isCareful) {
      this.isCareful = true;
      return;
    }
    const [{ client, ops }] = groups;
    const waiting = client === this.client ? this.own : this.adopted.get(client);
    waiting.push(...waiting.splice(waiting.indexOf(ops[0]), 1));
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.flush();
    }, delay);
  }

  groups(limit) {
    const groups = [];
    let left = limit;
    for (const [client, ops] of [...this.adopted, [this.client, this.own]]) {
      const part = ops.slice(0, left);
      left -= part.length;
      if (part.length) groups.push({ client, ops: part });
    }
    return groups;
  }

  // Take out what the server has answered; an op it did not speak of stays.
  settle(groups, answer) {
    const said = new Map(answer.answers.map((one) => [`${one.client}/${one.seq}`, one]));
    for (const { client, ops } of groups) {
      for (const op of ops) {
        const one = said.get(`${client}/${op.seq}`);
        if (!one) continue;
        this.storage.removeItem(this.key(client, op));
        this.elsewhere.delete(op.sha256);
        if (client === this.client) this.own = this.own.filter((other) => other !== op);
        else this.take(client, op);
        this.onAnswer(one, op, client === this.client);
      }
    }
  }

  take(client, op) {
    const left = this.adopted.get(client).filter((other) => other !== op);
    if (left.length) this.adopted.set(client, left);
    else this.adopted.delete(client);
  }

  // Whether something was said of a photo that the server has not answered yet, by
  // this tab or by one that was closed.
  waitsFor(sha256) {
    return this.elsewhere.has(sha256) || this.own.some((op) => op.sha256 === sha256);
  }

  key(client, { seq, sha256 }) {
    return `mekiki/op/${this.scope}/${client}/${seq}/${sha256}`;
  }

  write(client, op) {
    try {
      this.storage.setItem(this.key(client, op), JSON.stringify(op));
    } catch {
      this.isKept = false; // full or switched off: the page's memory holds them
    }
  }

  // Say that this tab lives, and look for what tabs that don't have left behind.
  beat() {
    const now = Date.now();
    const owners = new Map();
    const gone = [];
    const start = `mekiki/op/${this.scope}/`;
    for (let place = 0; place < this.storage.length; place += 1) {
      const key = this.storage.key(place);
      if (key?.startsWith("mekiki/alive/")) {
        const silent = Math.abs(now - Number(this.storage.getItem(key))); // clocks are set
        if (silent > LEFT_BEHIND_MS) gone.push(key);
        else owners.set(key.slice("mekiki/alive/".length), true);
      }
    }
    try {
      this.storage.setItem(`mekiki/alive/${this.client}`, String(now));
    } catch {
      this.isKept = false;
    }
    for (const key of gone) this.storage.removeItem(key);
    let found = 0;
    this.elsewhere = new Set();
    const others = [];
    for (let place = 0; place < this.storage.length; place += 1) {
      const key = this.storage.key(place);
      if (!key?.startsWith(start)) continue;
      const [client, , sha256] = key.slice(start.length).split("/");
      if (client === this.client) continue;
      this.elsewhere.add(sha256);
      if (!owners.has(client)) others.push([client, key]);
    }
    for (const [client, key] of others) found += this.adopt(client, key);
    if (found) {
      for (const ops of this.adopted.values()) ops.sort((one, two) => one.seq - two.seq);
      this.onChange();
      if (this.timer === null && !this.isSending) this.later(SEND_AFTER_MS);
    }
  }

  adopt(client, key) {
    let op = null;
    try {
      op = JSON.parse(this.storage.getItem(key));
    } catch {
      this.storage.removeItem(key); // not ours, or half written
    }
    if (!Number.isInteger(op?.seq)) return 0;
    const ops = this.adopted.get(client) ?? [];
    if (ops.some((other) => other.seq === op.seq)) return 0;
    this.adopted.set(client, [...ops, op]);
    return 1;
  }
}
