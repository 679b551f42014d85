// What the newest finished run looks at, laid over the photo: switched on, it stays on
// for the next photos. Labels never wait for it; what comes too late is dropped.

import { el, live, t } from "./kit.js";

const QUICK_MS = 300; // an answer that takes longer is said to be on its way

export class Heat {
  constructor(desk) {
    this.desk = desk; // it knows whether this is on, in whichever mode
    this.photo = null; // the one on the screen
    this.image = null;
    this.isAsking = false;
    this.isLate = false; // the answer takes its time
    this.overlay = el("img", { class: "mekiki-heat", alt: "", "aria-hidden": "true" });
    this.line = el("p", { class: "mekiki-heatline", role: "status", "aria-live": "polite" });
  }

  get isOn() {
    return this.desk.isHeated && !this.desk.isBlind; // a second opinion is one's own
  }

  toggle() {
    if (this.desk.isBlind) {
      live(t("heat.blind"));
      this.desk.hint(t("heat.blind"));
      return;
    }
    this.desk.isHeated = !this.desk.isHeated;
    this.draw(this.photo, this.image);
  }

  // Another photo is on the screen; null: none, or one that can't be shown.
  draw(photo, image) {
    this.photo = photo;
    this.image = image;
    this.overlay.remove();
    this.line.replaceChildren();
    this.line.classList.toggle("mekiki-on", this.isOn);
    if (!this.isOn || !photo || !image) return;
    if (this.isLate) this.line.replaceChildren(t("heat.loading"));
    this.ask();
  }

  // One question at a time: of the photos passed meanwhile none is asked about.
  async ask() {
    if (this.isAsking) return;
    const { photo } = this;
    this.isAsking = true;
    const waiting = setTimeout(() => this.late(), QUICK_MS);
    let found = null;
    let reason = "";
    try {
      found = await this.desk.session.api.get(`cam/${photo.sha256}`);
      this.overlay.src = found.picture;
      await this.overlay.decode();
    } catch (error) {
      reason = error.message;
    }
    clearTimeout(waiting);
    this.isAsking = this.isLate = false;
    if (!this.isOn || !this.photo) return;
    if (this.photo !== photo) this.ask();
    else if (reason) this.line.replaceChildren(reason);
    else this.show(found);
  }

  late() {
    this.isLate = true;
    if (this.isOn && this.photo) this.line.replaceChildren(t("heat.loading"));
  }

  show({ label, probability, run }) {
    this.image.after(this.overlay);
    this.fit();
    const share = Math.round(probability * 100);
    this.line.replaceChildren(
      el("strong", {}, t("heat.says", { label, share })),
      t("heat.run", { run }),
      el("span", { class: "mekiki-legend", "aria-hidden": "true" }, t("heat.little"), el("span", { class: "mekiki-ramp" }), t("heat.much")),
    );
  }

  // Lie where the photo is painted: it is fitted into its element, and centred.
  fit() {
    const { image, overlay } = this;
    if (!image || !overlay.isConnected) return;
    const scale = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    overlay.style.left = `${image.offsetLeft + (image.clientWidth - width) / 2}px`;
    overlay.style.top = `${image.offsetTop + (image.clientHeight - height) / 2}px`;
    overlay.style.width = `${width}px`;
    overlay.style.height = `${height}px`;
  }
}
