// What every view is built with: elements, words in two languages, asking the server.

const words = new Map(); // key → {en, ja}
let language = "en";

export function learnWords(table) {
  for (const [key, said] of Object.entries(table)) words.set(key, said);
}

export function speak(lang) {
  language = lang === "ja" ? "ja" : "en";
}

export function spoken() {
  return language;
}

// The words of a key, "{n}" and its like filled in; the key itself where there are none.
// In English "{n|photo|photos}" takes the first word for one, else the second.
export function t(key, params = {}) {
  const said = words.get(key)?.[language] ?? words.get(key)?.en ?? key;
  return said.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, more) => {
    const value = params[name] ?? "";
    if (one !== undefined) return Number(value) === 1 ? one : more;
    return typeof value === "number" ? value.toLocaleString(language) : String(value);
  });
}

// An element; attributes that are null or false are left out, functions listen.
export function el(tag, attrs = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let region = null;

// Tell people who listen to the page.
export function live(text) {
  if (!region?.isConnected) {
    region = el("div", { class: "mekiki-live", "aria-live": "polite", role: "status" });
    document.body.append(region);
  }
  region.textContent = region.textContent === text ? `${text}\u00a0` : text; // said again
}

export class AskError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // 0: the server could not be reached
  }
}

// Whether asking again would not help: anything but a cut line, a token that is refused,
// or a server that can't just now.
export function isFinal(error) {
  if (!(error instanceof AskError)) return true;
  return error.status >= 400 && error.status < 500 && error.status !== 401;
}

// Call back once the frame that is being made is on the screen.
export function afterPaint(callback) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = callback;
    channel.port2.postMessage(null);
  });
}

const PICTURES = 1000; // object URLs; the oldest are given back when there are twice as many

// The server's own routes. The token is renewed by the page when it is refused.
export class Api {
  constructor(token, onRefused = () => {}) {
    this.token = token;
    this.onRefused = onRefused;
    this.urls = new Map(); // "thumb/<sha256>" or "large/<sha256>" → Promise of an object URL
  }

  async ask(path, options = {}) {
    let response;
    const headers = { "X-Mekiki-Token": this.token, ...options.headers };
    try {
      response = await fetch(`/mekiki/api/${path}`, { cache: "no-store", ...options, headers });
    } catch {
      throw new AskError(0, t("ask.offline"));
    }
    if (response.status === 401) this.onRefused();
    if (!response.ok) {
      const said = await response.json().catch(() => ({}));
      throw new AskError(response.status, said.error ?? `${response.status}`);
    }
    return response;
  }

  async get(path) {
    return (await this.ask(path)).json();
  }

  async post(path, body, options = {}) {
    const headers = { "Content-Type": "application/json" };
    const sent = { method: "POST", body: JSON.stringify(body), headers, ...options };
    return (await this.ask(path, sent)).json();
  }

  // Thumbnails, in order, as object URLs; null for one that can't be shown.
  async pack(shas) {
    const found = new Map();
    for (const sha of shas) {
      const held = this.urls.get(`thumb/${sha}`);
      if (held) found.set(sha, this.hold(`thumb/${sha}`, held));
    }
    const missing = shas.filter((sha) => !found.has(sha));
    for (let start = 0; start < missing.length; start += 60) {
      const part = missing.slice(start, start + 60);
      const body = JSON.stringify({ shas: part });
      const headers = { "Content-Type": "application/json" };
      const answer = this.ask("pack", { method: "POST", body, headers })
        .then((response) => response.arrayBuffer())
        .then(unpack);
      part.forEach((sha, place) => {
        found.set(sha, this.hold(`thumb/${sha}`, answer.then((urls) => urls[place])));
      });
    }
    return Promise.all(shas.map((sha) => found.get(sha)));
  }

  // The photo, at most 1024 pixels a side, as an object URL.
  picture(sha256) {
    const key = `large/${sha256}`;
    if (!this.urls.has(key)) {
      const asked = this.ask(`image/${sha256}`)
        .then((response) => response.blob())
        .then((blob) => URL.createObjectURL(blob));
      this.hold(key, asked);
    }
    return this.urls.get(key);
  }

  // Hold what was asked for as the newest; the oldest are given back.
  hold(key, asked) {
    const isNew = !this.urls.delete(key);
    this.urls.set(key, asked);
    if (isNew) asked.catch(() => this.urls.get(key) === asked && this.urls.delete(key));
    if (this.urls.size > PICTURES * 2) {
      for (const [old, promise] of [...this.urls].slice(0, PICTURES)) {
        this.urls.delete(old);
        promise.then((url) => url && URL.revokeObjectURL(url), () => {});
      }
    }
    return asked;
  }
}

// [u32 n][u32 length]*n and the bodies, little endian.
function unpack(buffer) {
  const view = new DataView(buffer);
  const count = view.getUint32(0, true);
  let at = 4 + 4 * count;
  const urls = [];
  for (let place = 0; place < count; place += 1) {
    const length = view.getUint32(4 + 4 * place, true);
    const body = new Uint8Array(buffer, at, length);
    urls.push(length ? URL.createObjectURL(new Blob([body], { type: "image/jpeg" })) : null);
    at += length;
  }
  return urls;
}
