// Beside the photo: what is known of it, and a button for everything that can be said.

import { el, t } from "./kit.js";
import { isSettled } from "./state.js";

const MAX_LINK = 70; // characters of an address that are shown
const SAID_MS = 1500;

export class Panel {
  constructor(desk, one) {
    this.desk = desk;
    this.one = one;
    this.state = el("p", { class: "mekiki-state" });
    this.notice = el("div", { class: "mekiki-notice", role: "alert" });
    this.search = el("input", {
      class: "mekiki-search",
      type: "search",
      placeholder: t("panel.search"),
      "aria-label": t("panel.search"),
      input: () => this.filter(),
      keydown: (event) => this.typed(event),
    });
    this.categories = el("div", { class: "mekiki-categories", role: "group", "aria-label": t("panel.categories") });
    this.echo = el("p", { class: "mekiki-echo", "aria-hidden": "true" });
    // it scrolls where it is long: keys reach it, too
    this.about = el("div", { class: "mekiki-about", tabindex: "0", role: "group", "aria-label": t("about.title") });
    this.root = el("div", { class: "mekiki-panel" }, this.notice, this.state, this.search, this.categories, this.others(), this.echo, this.about);
    this.build();
  }

  build() {
    const mark = () => el("span", { class: "mekiki-mark", "aria-hidden": "true" });
    this.buttons = this.desk.labelButtons((name) => this.press(name), mark);
    this.search.hidden = this.buttons.length <= 13;
    this.categories.replaceChildren(...this.buttons);
    if (this.desk.session.finding !== null) queueMicrotask(() => this.findOn());
  }

  press(label) {
    this.one.act({ action: "word", label, status: "labelled" });
  }

  others() {
    const { desk, one } = this;
    const says = el(
      "div",
      { class: "mekiki-row" },
      desk.button("panel.reject", "reject", () => one.act({ action: "word", status: "rejected" }), "mekiki-half"),
      desk.button("panel.unsure", "unsure", () => one.act({ action: "word", status: "unsure" }), "mekiki-half"),
    );
    const moves = el(
      "div",
      { class: "mekiki-row" },
      desk.button("panel.back", "back", () => one.back()),
      desk.button("panel.skip", "skip", () => one.skip()),
      desk.button("panel.undo", "undo", () => one.undo()),
      desk.button("panel.note", "note", () => desk.askNote()),
    );
    return el("div", { class: "mekiki-others" }, says, moves);
  }

  // What is true of the photo, and which buttons stand out.
  draw(photo) {
    if (!photo) return;
    const { isBlind } = this.desk;
    this.state.replaceChildren(...(isBlind ? [t("state.blind")] : this.describe(photo)));
    this.buttons.forEach((button, place) => {
      const name = this.desk.session.data.categories[place];
      const isHeld = !isBlind && isSettled(photo) && photo.label === name;
      const isDisputed = !isBlind && photo.status === "conflict" && photo.scraped_as.includes(name);
      const isSuggested = !isBlind && photo.suggested === name;
      button.classList.toggle("mekiki-held", isHeld);
      button.classList.toggle("mekiki-disputed", isDisputed);
      button.classList.toggle("mekiki-suggested", isSuggested);
      const sure = isSuggested && photo.confidence !== null ? ` ${Math.round(photo.confidence * 100)} %` : "";
      const mark = [isHeld ? "✓" : "", isDisputed ? "?" : "", isSuggested ? `◆${sure}` : ""].filter(Boolean).join(" ");
      button.querySelector(".mekiki-mark").textContent = mark;
    });
    const warnings = isBlind ? [] : this.warnings(photo);
    const words = warnings.map(({ textContent }) => textContent).join();
    if (words !== this.warned) this.notice.replaceChildren(...warnings); // said aloud once
    this.warned = words;
    this.drawAbout(photo, isBlind);
    if (this.search.value && this.drawn !== photo.sha256) {
      this.search.value = "";
      this.filter();
    }
    this.drawn = photo.sha256;
  }

  describe(photo) {
    const { label, status } = photo;
    const parts = [];
    if (status === "conflict") parts.push(el("strong", { class: "mekiki-amber" }, "⚠ ", t("state.conflict")), " ", t("state.found_under", { found: photo.scraped_as.join(", ") }));
    else parts.push(t("state.now"), " ", el("strong", {}, nameState(label, status)));
    if (photo.flags.length) parts.push(el("span", { class: "mekiki-amber" }, ` ⚑ ${photo.flags.map((flag) => t(`flag.${flag}`)).join(", ")}`));
    if (photo.doubt !== null && photo.doubt !== undefined && photo.doubt >= 0.5 && status === "scraped") parts.push(el("span", { class: "mekiki-amber" }, ` ${t("state.doubted")}`));
    if (photo.note && !photo.opinions?.length) parts.push(el("span", {}, ` ✎ ${photo.note}`));
    return parts;
  }

  warnings(photo) {
    const shown = [];
    if (photo.gone) shown.push(el("p", {}, t("notice.gone")));
    if (photo.conflict) {
      const { by, label, status } = photo.conflict;
      const text = t("notice.conflict", { by, state: nameState(label, status) });
      shown.push(el("p", {}, `⚠ ${text}`));
    }
    for (const { by, label, status, note } of photo.opinions ?? []) {
      const state = label || status ? nameState(label, status) : "";
      shown.push(el("p", { class: "mekiki-opinion" }, `${by}: ${[state, note].filter(Boolean).join(" — ")}`));
    }
    return shown;
  }

  drawAbout(photo, isBlind) {
    this.about.replaceChildren(...(photo.about && !isBlind ? aboutLines(photo) : []));
  }

  drawEnd() {
    this.state.replaceChildren();
    this.notice.replaceChildren();
    this.warned = "";
    this.drawn = null;
    this.about.replaceChildren();
    for (const button of this.buttons) button.className = "mekiki-label";
  }

  said(text) {
    this.echo.textContent = `✓ ${text}`;
    clearTimeout(this.echoTimer);
    this.echoTimer = setTimeout(() => this.echo.replaceChildren(), SAID_MS);
  }

  // Find a category by its name: 40 of them have no key each.
  find() {
    this.search.hidden = false;
    this.search.focus();
    this.search.select();
    this.desk.session.finding = "";
  }

  // Go on where the page was drawn anew under somebody's typing: letters label else.
  findOn() {
    const { finding } = this.desk.session;
    this.find();
    this.search.value = finding;
    this.search.setSelectionRange(finding.length, finding.length);
    this.filter();
  }

  filter() {
    if (this.desk.session.finding !== null) this.desk.session.finding = this.search.value;
    const wanted = this.search.value.normalize("NFKC").toLowerCase().trim();
    const names = this.desk.session.data.categories;
    this.buttons.forEach((button, place) => {
      button.hidden = wanted !== "" && !names[place].normalize("NFKC").toLowerCase().includes(wanted);
    });
  }

  typed(event) {
    if (event.isComposing) return;
    if (event.key === "Escape" || event.key === "Enter") this.desk.session.finding = null;
    if (event.key === "Escape") {
      this.search.value = "";
      this.filter();
      this.search.blur();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const place = this.buttons.findIndex((button) => !button.hidden);
      this.search.blur();
      if (place >= 0 && this.search.value) this.press(this.desk.session.data.categories[place]);
      this.search.value = "";
      this.filter();
    }
  }
}

export function nameState(label, status) {
  if (status === "labelled") return label ?? t("state.nothing");
  if (status === "rejected") return t("state.rejected");
  if (status === "unsure") return t("state.unsure");
  if (status === "conflict") return t("state.conflict");
  return t("state.scraped", { label: label ?? t("state.nothing") });
}

// Where a photo comes from, and who made it.
export function aboutLines(photo) {
  const { about } = photo;
  const lines = [];
  if (about.title) lines.push(el("p", {}, el("strong", {}, about.title)));
  const maker = [about.author, about.licence].filter(Boolean).join(" · ");
  if (maker) lines.push(el("p", {}, maker));
  for (const [words, address] of [["about.page", about.page], ["about.photo", about.origin]]) {
    if (address) lines.push(el("p", {}, `${t(words)} `, link(address)));
  }
  if (photo.copies) lines.push(el("p", {}, t("about.copies", { n: photo.copies + 1 })));
  return lines;
}

function link(address) {
  const shown = address.length <= MAX_LINK ? address : `${address.slice(0, MAX_LINK)}…`;
  if (!/^https?:\/\//i.test(address)) return el("span", {}, shown);
  return el("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, shown);
}
