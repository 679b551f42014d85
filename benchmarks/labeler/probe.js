// Watches a page from inside: which photo is on the screen since when, and which press
// came while which photo was there. Times are milliseconds of performance.now().
//
// A photo is on the screen once the <img> of it is complete and laid out when a frame
// is made, and that frame is done (`seen`); it counts as painted at the frame after
// (`painted`), so that what is measured is rather too long than too short.

(() => {
  if (window.mekikiProbe) return;
  const OURS = '[data-mekiki] [aria-current="true"][data-sha256]';
  const BUSY = '[data-mekiki] [aria-current="true"][aria-busy="true"]';
  const TILES = "[data-mekiki] [role=option][data-sha256]";
  const MINIMAL = '[data-testid="stImage"] img';

  const shows = (image) => {
    if (!image || !image.complete || !image.naturalWidth) return false;
    const box = image.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight;
  };

  // The photo on the screen, if it is whole; ours by its hash, others by their address.
  const look = () => {
    const ours = document.querySelector(OURS);
    const image = ours ? (ours.matches("img") ? ours : ours.querySelector("img")) : document.querySelector(MINIMAL);
    if (!shows(image)) return null;
    return ours ? ours.dataset.sha256 : image.currentSrc;
  };

  const placed = () => document.querySelector(OURS)?.dataset.sha256 ?? null;

  const unsaved = () => Number(document.querySelector("[data-unsaved]")?.dataset.unsaved ?? 0);

  const tiles = () => {
    const found = [...document.querySelectorAll(TILES)];
    const isWhole = found.length && found.every((tile) => {
      const box = tile.getBoundingClientRect();
      const isOut = box.bottom <= 0 || box.top >= innerHeight;
      return isOut || shows(tile.querySelector("img"));
    });
    return isWhole ? `${found.length} ${found[0].dataset.sha256} ${found.at(-1).dataset.sha256}` : null;
  };

  const probe = {
    current: null, // the photo that is on the screen
    seen: [], // [photo, when]
    presses: [], // {key, at, photo: on the screen, placed: in the page, unsaved, after}
    paints: [], // [photo, when it was painted, ms since the press before it]
    turns: [], // ms from a key to the page of tiles
    waiting: null,
    page: null,
    pressed: null,

    // Forget what was noted, and return it.
    drain() {
      const { seen, presses, paints, turns } = probe;
      Object.assign(probe, { seen: [], presses: [], paints: [], turns: [] });
      return { seen, presses, paints, turns, origin: performance.timeOrigin };
    },

    // Wait until `done` is true when a frame is made; false where it never is.
    until(done, limit = 20000) {
      const began = performance.now();
      return new Promise((resolve) => {
        const ask = () => {
          if (done()) resolve(true);
          else if (performance.now() - began > limit) resolve(false);
          else requestAnimationFrame(ask);
        };
        ask();
      });
    },

    // Wait until so many photos were painted, and a press of the last one counts.
    painted: (number) => probe.until(() => probe.paints.length >= number && !document.querySelector(BUSY)),
    turned: (number) => probe.until(() => probe.turns.length >= number),
    saved: () => probe.until(() => unsaved() === 0, 120000),
    any: () => probe.until(() => probe.current !== null || probe.page !== null, 60000),
    unsaved,
    tiles,
  };
  window.mekikiProbe = probe;

  let candidate = null;
  const onFrame = () => {
    const photo = look();
    if (photo !== candidate) {
      candidate = photo;
      if (photo === null) probe.current = null;
      else note(photo);
    }
    const { pressed } = probe;
    if (pressed?.isTurn) {
      const page = tiles();
      if (page && page !== pressed.page) {
        probe.pressed = null;
        requestAnimationFrame(() => probe.turns.push(performance.now() - pressed.at));
      }
    }
    if (probe.page === null) probe.page = tiles();
    requestAnimationFrame(onFrame);
  };

  const note = (photo) => {
    const { pressed } = probe;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      probe.current = photo;
      probe.seen.push([photo, performance.now()]);
    };
    channel.port2.postMessage(null);
    requestAnimationFrame(() => {
      const now = performance.now();
      probe.paints.push([photo, now, pressed ? now - pressed.at : null]);
      if (probe.pressed === pressed) probe.pressed = null;
    });
  };

  // What the page made of the newest press; before the next one, if that is sooner.
  const settle = (press) => {
    if (press) press.after ??= { placed: placed(), unsaved: unsaved() };
  };

  addEventListener(
    "keydown",
    (event) => {
      settle(probe.presses.at(-1));
      const isTurn = event.key === "PageDown" || event.key === "PageUp";
      const press = { key: event.key, at: event.timeStamp, photo: probe.current, placed: placed(), unsaved: unsaved() };
      probe.pressed = { at: event.timeStamp, isTurn, page: isTurn ? tiles() : null };
      if (isTurn) return;
      probe.presses.push(press);
      setTimeout(() => settle(press));
    },
    true,
  );
  requestAnimationFrame(onFrame);
})();
