"""The component of the pages: mounted by Streamlit, at home in ``component/``.

Its files come by our own route (``api.assets``); what Streamlit is given is a loader of
a few lines. It stands in the page itself, not in a shadow of it, so that scripts and
assistive tools find its photos.
"""

from typing import Any

import streamlit as st

from labeler.access import ACCESS, Curator, Role
from labeler.api.assets import address
from labeler.office import Office

LOADER = """
export default function (component) {
  const files = window.location.origin + component.data.assets;
  const mounted = import(files + "main.js").then(({ mount }) => mount(component));
  return () => mounted.then((unmount) => unmount());
}
"""
_MOUNT = st.components.v2.component("mekiki_labeler", js=LOADER, isolate_styles=False)


def mount(
    view: str, office: Office, curator: Curator, lang: str, preferences: dict[str, Any]
) -> None:
    """Mount the component as one of its views: label, review or groups."""
    data = {
        "assets": address(),
        "view": view,
        "set": office.folder.name,
        "user": curator.name,
        "role": curator.role.value,
        "may_end": curator.role.may(Role.ADMIN),
        "lang": lang,
        "categories": office.settings.category_names,
        "token": ACCESS.mint(curator),
        "preferences": preferences,
    }
    _MOUNT(key=f"mekiki-{view}", data=data, on_renew_change=_renewed)


def _renewed() -> None:
    """Let the page be drawn again, with a new token."""
