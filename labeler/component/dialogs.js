// What opens over the page: the photo at its full size, where it comes from, a note, the
// keys. Escape, or the key that opened it, closes it; the keys of the page rest.

import { el, t } from "./kit.js";
import { written } from "./keys.js";
import { aboutLines } from "./panel.js";

function open(title, key, ...children) {
  const close = el("button", { type: "button", class: "mekiki-plain", click: () => dialog.close() }, t("dialog.close"));
  const dialog = el(
    "dialog",
    {
      class: "mekiki mekiki-dialog",
      "aria-label": title,
      close: () => dialog.remove(),
      click: (event) => event.target === dialog && dialog.close(),
      keydown: (event) => {
        if (!key || event.target.matches("input") || event.key.toUpperCase() !== key) return;
        event.preventDefault();
        dialog.close();
      },
    },
    el("div", { class: "mekiki-dialogbar" }, el("h2", {}, title), close),
    ...children,
  );
  (document.querySelector(".mekiki-root") ?? document.body).append(dialog); // for the theme
  dialog.showModal();
  return dialog;
}

export function showPhoto(api, photo) {
  const image = el("img", { alt: t("zoom.alt") });
  const frame = el("div", { class: "mekiki-zoom", tabindex: "0" }, image);
  const dialog = open(t("zoom.title"), "Z", frame);
  dialog.classList.add("mekiki-wide");
  api.picture(photo.sha256).then((url) => {
    image.src ||= url;
  });
  api.ask(`image/${photo.sha256}?full=1`).then(async (response) => {
    const url = URL.createObjectURL(await response.blob());
    dialog.addEventListener("close", () => URL.revokeObjectURL(url));
    image.src = url;
  }, () => {});
}

export function showAbout(api, photo) {
  const body = el("div", { class: "mekiki-about" }, t("one.loading"));
  open(t("about.title"), "I", body);
  api.get(`about/${photo.sha256}`).then(
    (about) => body.replaceChildren(...aboutLines({ ...photo, about }), el("p", { class: "mekiki-sha" }, photo.sha256)),
    (error) => body.replaceChildren(error.message),
  );
}

export function showNote(onNote) {
  const field = el("input", { type: "text", maxlength: 300, "aria-label": t("panel.note_field") });
  const form = el(
    "form",
    {
      method: "dialog",
      submit: () => {
        const note = field.value.trim();
        if (note) onNote(note);
      },
    },
    el("p", {}, t("panel.note_field")),
    field,
    el("button", { type: "submit", class: "mekiki-done" }, t("panel.note_save")),
  );
  open(t("panel.note"), null, form);
  field.focus();
}

export function askDone(others, onYes) {
  const end = el("button", { type: "submit", class: "mekiki-done" }, t("done.end"));
  const form = el("form", { method: "dialog", submit: onYes }, el("p", {}, t("done.others", { names: others.join(", ") })), end);
  open(t("bar.done"), null, form);
}

export function showHelp(table, keymap, categories) {
  const rows = [];
  for (const [place, name] of categories.entries()) {
    const key = keymap.keyOf(`label-${place + 1}`);
    if (key) rows.push([[key], name]);
  }
  const others = new Map();
  for (const { id, words } of table.actions) {
    if (words === "key.label") continue;
    const keys = (keymap.keys.get(id) ?? []).map(written);
    others.set(words, [...(others.get(words) ?? []), ...keys]);
  }
  for (const [words, keys] of others) if (keys.length) rows.push([keys, t(words)]);
  const body = rows.map(([keys, what]) => el("div", {}, el("dt", {}, ...keys.map((key) => el("kbd", {}, key))), el("dd", {}, what)));
  const dialog = open(t("help.title"), "?", el("p", {}, t("help.intro")), el("dl", { class: "mekiki-keys", tabindex: "0" }, ...body));
  dialog.classList.add("mekiki-wide");
}
