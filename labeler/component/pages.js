// The pages of a queue: the next one is asked for while this one is looked at, with its
// pictures; what was turned is held, and its photos are given back to others.

import { isFinal, t } from "./kit.js";

const RETRY_MS = 1500;
const NEAR = 2; // pages on either side whose pictures and photos are held

export class Pages {
  // onWaiting: told in words why a page is not there yet
  constructor(desk, onWaiting) {
    this.desk = desk;
    this.session = desk.session;
    this.onWaiting = onWaiting;
    this.isGone = false;
    this.round = 0; // counts up with each new queue: what was asked before is stale
    this.reset();
  }

  // Begin anew; in an order that was gone through before, where its name is known.
  reset(lineName = "") {
    this.round += 1;
    this.list = [];
    this.at = -1;
    this.next = null;
    this.lineName = lineName;
  }

  get page() {
    return this.list[this.at] ?? null;
  }

  // The first page, the one at a photo, or the last: null where there is none.
  async open(where = "") {
    const page = await this.fetch(where);
    if (!page?.photos.length) return null;
    this.list = [page];
    this.at = 0;
    return this.arrive();
  }

  // The next page or the one before: null at an end.
  async turn(step) {
    const { round } = this;
    const place = this.at + step;
    if (!this.list[place]) {
      const page = step > 0 ? await (this.next ?? this.ahead()) : await this.fetch(`&before=${this.list[0].photos[0].sha256}`);
      if (round !== this.round) return null;
      if (!page?.photos.length) {
        this.next = null; // the end may be another one later
        return null;
      }
      if (step > 0) this.list.push(page);
      else this.list.unshift(page);
    }
    this.at = Math.max(place, 0);
    return this.arrive();
  }

  // Turn to a page that is held and has one of these photos: null where none has.
  async find(shas) {
    const place = this.list.findIndex(({ photos }) => photos.some(({ sha256 }) => shas.has(sha256)));
    if (place < 0) return null;
    this.at = place;
    return this.arrive();
  }

  async arrive() {
    const { page, round } = this;
    await this.pictures(page);
    if (round !== this.round || this.isGone) return null;
    this.letGo();
    if (this.at === this.list.length - 1) this.ahead();
    return page;
  }

  ahead() {
    const last = this.list.at(-1).photos.at(-1);
    this.next = this.fetch(`&after=${last.sha256}`).then(async (page) => {
      if (page?.photos.length) await this.pictures(page);
      return page;
    });
    return this.next;
  }

  // Ask for a page until the server answers; null where that can't be or is stale.
  async fetch(where) {
    const { round } = this;
    for (;;) {
      try {
        const of = `line=${this.lineName}&n=${this.desk.place.size}`;
        const answer = await this.session.api.get(`page?${this.desk.query}${where}&${of}`);
        if (round !== this.round || this.isGone) return null;
        this.lineName = answer.line;
        const { first, total } = answer;
        return { photos: this.session.learn(answer.photos), first, total, images: null };
      } catch (error) {
        if (!(await this.waited(error, round))) return null;
      }
    }
  }

  // Fetch and decode a page's thumbnails; null for one that can't be shown.
  async pictures(page) {
    const { round } = this;
    while (!page.images) {
      try {
        const urls = await this.session.api.pack(page.photos.map(({ sha256 }) => sha256));
        page.images = await Promise.all(urls.map(decoded));
      } catch (error) {
        if (!(await this.waited(error, round))) page.images = page.photos.map(() => null);
      }
    }
  }

  // Wait to ask again: false where that would not help.
  async waited(error, round) {
    if (round !== this.round || this.isGone) return false;
    const isHopeless = isFinal(error);
    this.onWaiting(isHopeless ? error.message : t("ask.offline"));
    if (isHopeless) return false;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return round === this.round && !this.isGone;
  }

  // Of pages far away the pictures are dropped, and others may have the photos.
  letGo() {
    const far = this.list.filter((page, place) => Math.abs(place - this.at) > NEAR && page.images);
    for (const page of far) page.images = null;
    const shas = far.flatMap(({ photos }) => photos.map(({ sha256 }) => sha256));
    if (shas.length) this.session.release(shas);
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
