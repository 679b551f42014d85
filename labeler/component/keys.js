// Which key means what: keys.json, a curator's own changes over it, and a keyboard event
// turned into a name such as "Shift+3", "Ctrl+Z", "Enter" or "?".

const NAMED = new Set([
  ..."ArrowLeft ArrowRight ArrowUp ArrowDown PageUp PageDown Home End".split(" "),
  ..."Enter Escape Backspace Delete Tab".split(" "),
]);
const BOUNCE_MS = 60; // the same key again within this is one press

// The name of a press, or null where it is none: a lone modifier, an IME at work.
export function chord(event) {
  if (event.isComposing || event.keyCode === 229) return null;
  if (event.getModifierState?.("AltGraph")) return null; // it writes a sign
  const base = baseOf(event);
  if (base === null) return null;
  const held = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const alt = event.altKey ? "Alt+" : "";
  const shift = event.shiftKey && (base.length > 1 || /[A-Z0-9]/.test(base)) ? "Shift+" : "";
  return held + alt + shift + base;
}

function baseOf(event) {
  if (event.key === " " || event.code === "Space") return "Space";
  if (NAMED.has(event.key)) return event.key; // the number pad too, its lock off
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code ?? "");
  if (digit) return digit[1]; // whatever the layout writes on that key
  if (event.code === "NumpadEnter") return "Enter";
  const typed = (event.key ?? "").normalize("NFKC");
  if (/^[a-z]$/i.test(typed) || /^[0-9]$/.test(typed)) return typed.toUpperCase();
  const letter = /^Key([A-Z])$/.exec(event.code ?? "");
  const isLatin = /^[\x21-\x7e]$/.test(typed);
  if (letter && !isLatin) return letter[1]; // no Latin letters on it: the place counts
  return typed.length === 1 && typed.trim() ? typed : null;
}

// How a key is written on buttons and in the help.
export function written(name) {
  const marks = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  return name.replace(/Arrow(Left|Right|Up|Down)/, (arrow) => marks[arrow]);
}

export class Keymap {
  // table: keys.json; own: {action: key} of a curator, "" for none
  constructor(table, own = {}) {
    this.keys = new Map(); // action → its keys
    this.actions = new Map(); // "scope key" → action
    const places = (scope) => (scope === "both" ? ["one", "grid"] : [scope]);
    const taken = new Set(); // "scope key", by a curator's own changes
    for (const { id, scope } of table.actions) for (const where of places(scope)) taken.add(`${where} ${own[id]}`);
    for (const { id, keys, scope } of table.actions) {
      const isFree = (key) => !places(scope).some((where) => taken.has(`${where} ${key}`));
      const mine = own[id] !== undefined ? [own[id]].filter(Boolean) : keys.filter(isFree);
      this.keys.set(id, mine);
      for (const where of places(scope)) for (const key of mine) this.actions.set(`${where} ${key}`, id);
    }
  }

  actionOf(scope, name) {
    return this.actions.get(`${scope} ${name}`) ?? null;
  }

  // The first key of an action, as it is written; "" for none.
  keyOf(id) {
    return written(this.keys.get(id)?.[0] ?? "");
  }
}

// Whether what is typed belongs to a field, and not to us.
export function isTyping(event) {
  const [field] = event.composedPath();
  if (!(field instanceof Element)) return false;
  if (field.closest(".mekiki-dialog, [role=listbox]:not([data-mekiki-grid]), [role=menu]")) return true;
  if (field.isContentEditable || field.matches("textarea, select")) return true;
  const plain = ["button", "checkbox", "radio", "range", "submit"];
  return field.matches("input") && !plain.includes(field.type);
}

// Presses that are meant: not the keyboard's own repeats, not a key that bounced.
export class Presses {
  constructor() {
    this.last = new Map(); // key → when it went down
  }

  isMeant(event, name) {
    if (event.repeat) return false;
    const before = this.last.get(name) ?? -Infinity;
    this.last.set(name, event.timeStamp);
    return event.timeStamp - before >= BOUNCE_MS;
  }
}
