"""The component of the pages: mounted by Streamlit, at home in ``component/``.

Its files come by our own route (``api.assets``); what Streamlit is given is a loader of
a few lines. It stands in the page itself, not in a shadow of it, so that scripts and
assistive tools find its photos.
"""

import hashlib
import os
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from labeler.access import ACCESS, Curator, Role
from labeler.api.assets import address
from labeler.office import Office
from pipeline.catalog.engine import DATABASE_URL

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
        "catalog": _catalog_name(office),
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


def _catalog_name(office: Office) -> str:
    """Tell this catalog from others of the same address: labels wait under its name."""
    server = urlsplit(os.environ.get(DATABASE_URL, ""))
    where = [str(office.folder.catalog_file), server.hostname or "", server.path]
    return hashlib.sha256("\0".join(where).encode()).hexdigest()[:12]


def _renewed() -> None:
    """Let the page be drawn again, with a new token."""
