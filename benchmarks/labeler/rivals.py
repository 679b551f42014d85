"""Two curators on the same thousand photos at once: nobody's word is lost unseen.

First two browsers label one page of tiles that both have on the screen. Then two
clients go through all photos at the same time, in batches of chance sizes, each op with
the version that its client last heard of, which may be long outdated; the routes that
would keep them apart are not asked. An overwrite is silent where an op changed a photo
that had another version than the op named, where an answer said something else than
the journal has, or where the photo is not what the last accepted word says.
"""

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.labeler.browser import address, profile, wait_for_photo
from benchmarks.labeler.clients import Client, Said, clients
from benchmarks.labeler.journal import Event, items, said
from benchmarks.labeler.photos import (
    CATEGORIES,
    entries_of,
    fresh_copy,
    kept_set,
    write_catalog,
)
from benchmarks.labeler.postgres import has_postgresql, postgresql
from benchmarks.labeler.servers import Server, labeler
from pipeline.catalog.engine import DATABASE_URL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHOTOS = 1000
_ROUNDS = 3  # through all photos: in order, then in an order of each one's own
_TILES = 12  # labelled by both browsers
_MOST = 20  # ops of one request
_AMBER = "⚠"


def rival_figures(browser: "Browser") -> dict[str, Figure]:
    """Count silent overwrites on both kinds of database."""
    figures = {"overwrites_sqlite": _rivals(browser, None)}
    name = "overwrites_postgresql"
    if not has_postgresql():
        return figures | {name: Figure(None, 0, note="no PostgreSQL: make system")}
    with postgresql() as url:
        return figures | {name: _rivals(browser, url)}


def _rivals(browser: "Browser", url: str | None) -> Figure:
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        folder = fresh_copy(kept_set(PHOTOS), scratch)
        database: Path | str = folder.catalog_file
        environment = {}
        if url is not None:
            database, environment = url, {DATABASE_URL: url}
            with _environment(environment):
                write_catalog(folder, entries_of(PHOTOS))
        with labeler(folder, scratch, **environment) as server:
            shown, refused = _browsers(browser, server, database)
            before = len(said(database))
            pair = clients(server, scratch, 2)
            first = _label_all(pair)
            events = said(database)[before:]
            wrong = _overwrites(events, first) + _mistold(events, pair)
            wrong += _untrue(events, items(database))
    accepted = sum(event.accepted for event in events)
    note = (
        f"{len(events):,} words of two clients: {accepted:,} accepted,"
        f" {len(events) - accepted:,} refused and told so; two browsers on {_TILES}"
        f" tiles: {shown} of {refused} conflicts shown"
    )
    return Figure(wrong + refused - shown, 0, "words", lower_is_better=True, note=note)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _label_all(pair: Sequence[Client]) -> dict[str, int]:
    """Let both label every photo; return the version each photo had before."""
    versions = _versions(pair[0])
    threads = [
        threading.Thread(target=_label, args=[one, dict(versions), place])
        for place, one in enumerate(pair)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return versions


def _versions(client: Client) -> dict[str, int]:
    versions: dict[str, int] = {}
    after: dict[str, str] = {}
    while True:
        page = client.get("page", queue="all", n=240, client=client.name, **after)
        photos = page["photos"]
        if not photos:
            return versions
        versions |= {photo["sha256"]: photo["version"] for photo in photos}
        after = {"after": photos[-1]["sha256"]}


def _label(client: Client, versions: dict[str, int], place: int) -> None:
    rng = np.random.default_rng(place)
    for number in range(_ROUNDS):
        shas = list(versions)
        if number:
            rng.shuffle(shas)
        while shas:
            batch = [
                shas.pop(0) for _ in range(min(len(shas), int(rng.integers(1, _MOST))))
            ]
            words = [
                (sha256, str(rng.choice(CATEGORIES)), versions[sha256])
                for sha256 in batch
            ]
            for told in client.say(words):
                versions[told.sha256] = told.answer["version"]


def _overwrites(events: Sequence[Event], first: dict[str, int]) -> int:
    """Count accepted words that changed another version than the one they named."""
    versions = dict(first)
    wrong = 0
    for event in events:
        if not event.accepted:
            continue
        known = versions[event.sha256]
        wrong += event.base_version != known or event.version != known + 1
        versions[event.sha256] = event.version
    return wrong


def _mistold(events: Sequence[Event], pair: Sequence[Client]) -> int:
    """Count answers that the journal does not bear out."""
    rows = {event.id: event for event in events}

    def is_borne_out(told: Said, user: str) -> bool:
        event = rows.get(told.answer["event_id"])
        return (
            event is not None
            and (event.user, event.sha256, event.label)
            == (user, told.sha256, told.label)
            and event.accepted == told.answer["accepted"]
        )

    return sum(not is_borne_out(told, one.user) for one in pair for told in one.said)


def _untrue(
    events: Sequence[Event], now: dict[str, tuple[str, str | None, int]]
) -> int:
    """Count photos that are not what the last accepted word says."""
    last = {event.sha256: event for event in events if event.accepted}
    return sum(
        now[sha256] != ("labelled", event.label, event.version)
        for sha256, event in last.items()
    )


def _browsers(
    browser: "Browser", server: Server, database: Path | str
) -> tuple[int, int]:
    """Let two browsers label the same tiles; return conflicts shown, and refused."""
    with profile(browser) as one, profile(browser) as other:
        pages = [
            _open_tiles(context.new_page(), server, user)
            for context, user in ((one, "Hana"), (other, "Kenji"))
        ]
        for page in pages:  # both see the same tiles before either says a word
            page.reload()
            wait_for_photo(page)
        for page, key in zip(pages, "12", strict=True):
            for _ in range(_TILES):
                page.keyboard.press(key)
                page.wait_for_timeout(80)
        for page in pages:
            page.evaluate("() => mekikiProbe.saved()")
            page.wait_for_timeout(300)
        refused = [event for event in said(database) if not event.accepted]
        by_user = dict(zip(("Hana", "Kenji"), pages, strict=True))
        shown = sum(
            _AMBER in _tile_text(by_user[event.user], event.sha256) for event in refused
        )
    return shown, len(refused)


def _open_tiles(page: "Page", server: Server, user: str) -> "Page":
    page.goto(address(server.url, user))
    wait_for_photo(page)
    page.locator("select:has(option[value='all'])").select_option("all")
    page.keyboard.press("g")
    page.wait_for_function("() => mekikiProbe.tiles()")
    return page


def _tile_text(page: "Page", sha256: str) -> str:
    return page.locator(f'[role=option][data-sha256="{sha256}"]').inner_text()
