// The component: mounted by Streamlit into each page, again and again if it likes. What
// must not be lost by that lives in ``state``, outside of it.

import { Desk } from "./desk.js";
import { el, learnWords, live, speak, t } from "./kit.js";
import { openSession } from "./state.js";

const fetched = async (name) => (await fetch(new URL(name, import.meta.url))).json();
const [keyTable, words] = await Promise.all([fetched("keys.json"), fetched("words.json")]);
learnWords(words);

const mounted = new WeakMap(); // the element Streamlit gave us → what stands in it
const VIEWS = { label: desk("label"), review: desk("review"), groups: groups() };

export function mount({ parentElement, data, setTriggerValue }) {
  speak(data.lang);
  style(data.assets);
  const session = openSession(data);
  session.renewal = () => setTriggerValue("renew", Date.now());
  const look = JSON.stringify([data.view, data.lang, data.set, data.user, data.preferences, data.categories]);
  const known = mounted.get(parentElement);
  if (known?.look !== look) {
    known?.close();
    const root = el("div", { class: "mekiki-root", lang: data.lang });
    parentElement.replaceChildren(root);
    mounted.set(parentElement, { look, close: VIEWS[data.view](root, session) });
  }
  return () => {
    mounted.get(parentElement)?.close();
    mounted.delete(parentElement);
  };
}

function desk(view) {
  return (root, session) => {
    const isFromMenu = document.activeElement instanceof HTMLAnchorElement;
    if (isFromMenu) session.finding = null; // whoever left is not typing any more
    const made = new Desk(session, view, keyTable);
    root.append(made.root);
    // else the link would take Enter and Space for itself
    if (isFromMenu) made.root.focus({ preventScroll: true });
    return () => made.close();
  };
}

function groups() {
  return (root, session) => {
    let close = () => {};
    let isGone = false;
    import("./groups.js").then((view) => {
      if (!isGone) close = view.mount(root, { api: session.api, data: session.data, keyTable, t, el, live });
    });
    return () => {
      isGone = true;
      close();
    };
  };
}

function style(assets) {
  for (const name of ["style.css", "groups.css", "heat.css"]) {
    const href = `${assets}${name}`;
    if (document.querySelector(`link[href="${href}"]`)) continue;
    document.head.append(el("link", { rel: "stylesheet", href }));
  }
}
