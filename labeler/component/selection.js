// Which tiles of a page are selected, by their places: pure.

// All places from one to another, both ends in, whichever comes first.
export function range(from, to) {
  const [low, high] = from < to ? [from, to] : [to, from];
  return Array.from({ length: high - low + 1 }, (_, step) => low + step);
}

// The selection after a click: {selected: Set, anchor}.
export function clicked({ selected, anchor }, place, { shift = false, toggle = false } = {}) {
  if (shift) {
    const reached = range(anchor ?? place, place);
    return { selected: new Set(toggle ? [...selected, ...reached] : reached), anchor: anchor ?? place };
  }
  if (!toggle) return { selected: new Set([place]), anchor: place };
  const next = new Set(selected);
  if (!next.delete(place)) next.add(place);
  return { selected: next, anchor: place };
}

// Where the focus goes by an arrow, in rows of so many tiles; it stays on the page.
export function moved(place, direction, columns, count) {
  const step = { left: -1, right: 1, up: -columns, down: columns }[direction];
  const next = place + step;
  return next < 0 || next >= count ? place : next;
}

// The places whose boxes touch a rectangle; all are {left, top, right, bottom}.
export function touched(boxes, { left, top, right, bottom }) {
  const places = [];
  boxes.forEach((box, place) => {
    if (box.left < right && box.right > left && box.top < bottom && box.bottom > top) places.push(place);
  });
  return places;
}

// Columns and the side of a tile, in pixels, with which a page fits a box; where the
// side falls below the least, the page is scrolled.
export function fitted(count, width, height, { gap = 4, foot = 16, least = 44, most = 320 } = {}) {
  let best = { columns: 1, side: 0 };
  for (let columns = 1; columns <= Math.max(count, 1); columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = (height - gap * (rows - 1)) / rows - foot;
    const side = Math.floor(Math.min(across, down));
    if (side > best.side) best = { columns, side };
  }
  const side = Math.min(Math.max(best.side, least), most);
  if (side === best.side) return best;
  return { columns: Math.max(Math.floor((width + gap) / (side + gap)), 1), side };
}
