"""Labels lost, and labels on photos that nobody saw: presses at 8/s over a bad line.

Several curators, each in a browser of their own, press keys at a fixed rate over a line
of 80 ms, whatever the page shows. Meanwhile the line is cut for ten seconds and mended,
the server is killed and started again, each curator goes to another page and back, all
connections are hung up, each reloads the page, and each closes the tab while the line
is cut, presses not yet saved, and opens another. In the end every press is held against
the journal.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.labeler.browser import (
    OPTIONS,
    PROBE,
    TIMEOUT_MS,
    VIEWPORT,
    address,
    find_chromium,
    note_hosts,
)
from benchmarks.labeler.journal import Event, said
from benchmarks.labeler.line import Line, slow_line
from benchmarks.labeler.photos import CATEGORIES, fresh_copy
from benchmarks.labeler.pressing import ROUND_TRIP_S
from benchmarks.labeler.servers import Server, labeler
from pipeline.home import SetFolder

if TYPE_CHECKING:
    from playwright.async_api import Page

RATE = 8.0  # presses a second, of each curator
CUT_S = 10.0
_LEAST_S = 0.1  # from press to press, where one came late
_KEYS = "1234567"[: len(CATEGORIES)]
_SEED = 6

_Word = tuple[str, str]  # sha256, label


@dataclass(frozen=True)
class Press:
    """A press, as the page was."""

    key: str
    photo: str | None  # on the screen
    placed: str | None  # in the page, perhaps not painted yet
    is_accepted: bool  # the page went on, or had more to save

    @property
    def label(self) -> str:
        """What the key says."""
        return CATEGORIES[int(self.key) - 1]


@dataclass
class Sitting:
    """A curator at the page."""

    user: str
    url: str
    page: "Page"
    goal: int  # presses
    rng: np.random.Generator
    pressed: int = 0
    presses: list[Press] = field(default_factory=list)
    is_away: bool = False  # on another page

    async def press_all(self) -> None:
        """Press keys at the rate, and note what the page made of them."""
        clock = asyncio.get_running_loop().time
        due = sent = clock()
        for _ in range(self.goal):
            due = max(due + 1 / RATE, sent + _LEAST_S)
            await asyncio.sleep(due - clock())
            while self.is_away:
                await asyncio.sleep(0.01)
            sent = clock()
            await self.page.keyboard.press(str(self.rng.choice(list(_KEYS))))
            self.pressed += 1

    async def note(self) -> None:
        """Take over what was noted in the page."""
        noted = await self.page.evaluate("() => mekikiProbe.drain()")
        self.presses += [_press(one) for one in noted["presses"]]

    async def leave_and_return(self) -> None:
        """Go to another page of the labeler and come back."""
        self.is_away = True
        for name in ("/progress", "/"):
            await self.page.locator(f"a[href$='{name}']").first.click()
            await self.page.wait_for_timeout(1500)
        await self.page.evaluate("() => mekikiProbe.any()")
        self.is_away = False

    async def reload(self) -> None:
        """Reload the page in the middle of it all."""
        await self._pause()
        await self.page.reload(wait_until="commit")
        await self._go_on()

    async def close(self) -> None:
        """Close the tab."""
        await self._pause()
        await self.page.close()

    async def open(self) -> None:
        """Open a new tab in the same browser."""
        self.page = await self.page.context.new_page()
        await self.page.goto(self.url, wait_until="commit")
        await self._go_on()

    async def _pause(self) -> None:
        self.is_away = True
        await asyncio.sleep(0.05)  # a press under way
        await self.note()

    async def _go_on(self) -> None:
        await self.page.wait_for_function("() => window.mekikiProbe")
        await self.page.evaluate("() => mekikiProbe.any()")
        self.is_away = False


def _press(noted: dict[str, Any]) -> Press:
    after = noted.get("after") or {"placed": None, "unsaved": noted["unsaved"]}
    went_on = noted["placed"] is not None and after["placed"] != noted["placed"]
    is_accepted = went_on or after["unsaved"] > noted["unsaved"]
    return Press(noted["key"], noted["photo"], noted["placed"], is_accepted)


def lasting_figures(kept: SetFolder, *, quick: bool) -> dict[str, Figure]:
    """Count what is lost, and what was said of photos that were not on the screen."""
    find_chromium()
    curators, presses = (2, 1000) if quick else (4, 10_000)
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        folder = fresh_copy(kept, scratch)
        with (
            labeler(folder, scratch) as server,
            slow_line(server.port, ROUND_TRIP_S) as line,
        ):
            sittings = asyncio.run(_sit(server, line, curators, presses))
        return _held(sittings, said(folder.catalog_file))


async def _sit(
    server: Server, line: Line, curators: int, presses: int
) -> list[Sitting]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=list(OPTIONS)
        )
        sittings = []
        for number in range(1, curators + 1):
            context = await browser.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]
            context.set_default_timeout(TIMEOUT_MS)
            await context.add_init_script(path=PROBE)
            note_hosts(context)
            page = await context.new_page()
            user = f"Curator {number}"
            url = address(line.url, user)
            await page.goto(url)
            await page.evaluate("() => mekikiProbe.any()")
            rng = np.random.default_rng((_SEED, number))
            sittings.append(Sitting(user, url, page, presses // curators, rng))
        pressing = [asyncio.ensure_future(one.press_all()) for one in sittings]
        await _disturb(sittings, server, line)
        await asyncio.gather(*pressing)
        for one in sittings:
            await one.page.evaluate("() => mekikiProbe.saved()")
            await one.note()
        await browser.close()
    return sittings


async def _disturb(sittings: list[Sitting], server: Server, line: Line) -> None:
    """Let happen what happens, each at a share of the presses."""

    async def cut() -> None:
        line.cut()
        await asyncio.sleep(CUT_S)
        line.mend()

    async def hang_up() -> None:
        line.hang_up()

    async def restart() -> None:
        server.kill()
        await asyncio.to_thread(server.start)

    async def remount() -> None:
        await asyncio.gather(*(one.leave_and_return() for one in sittings))

    async def reload() -> None:
        await asyncio.gather(*(one.reload() for one in sittings))

    async def close_tab() -> None:
        line.cut()
        await asyncio.sleep(0.6)  # a few presses that can't be sent
        await asyncio.gather(*(one.close() for one in sittings))
        line.hang_up()
        line.mend()
        await asyncio.gather(*(one.open() for one in sittings))

    for share, happens in (
        (0.1, cut),
        (0.35, restart),
        (0.6, remount),
        (0.7, hang_up),
        (0.8, reload),
        (0.9, close_tab),
    ):
        await _until(sittings, share)
        pressed = sum(one.pressed for one in sittings)
        print(f"after {pressed:,} presses: {happens.__name__}")
        await happens()


async def _until(sittings: list[Sitting], share: float) -> None:
    """Wait until everybody has pressed that share of what they will."""
    while min(one.pressed / one.goal for one in sittings) < share:
        await asyncio.sleep(0.05)


def _count(words: Iterable[tuple[str | None, str | None]]) -> Counter[_Word]:
    return Counter((str(photo), str(label)) for photo, label in words)


def _held(sittings: list[Sitting], events: list[Event]) -> dict[str, Figure]:
    """Hold every press against the journal."""
    lost, unseen, twice = 0, 0, 0
    for one in sittings:
        rows = [event for event in events if event.user == one.user]
        written = _count((row.sha256, row.label) for row in rows)
        meant = _count((press.photo, press.label) for press in one.presses)
        accepted = _count(
            (press.placed, press.label) for press in one.presses if press.is_accepted
        )
        lost += sum((accepted - written).values())
        strange = written - meant
        unseen += sum(strange.values())
        for photo, label in list(strange)[:5]:
            print(f"{one.user}: {label!r} of {photo} is nothing that was pressed there")
        for photo, label in list(accepted - written)[:5]:
            print(f"{one.user}: {label!r} of {photo} was pressed, and is not there")
        twice += sum(
            number > 1 for number in Counter(row.sha256 for row in rows).values()
        )
    noted = [press for one in sittings for press in one.presses]
    early = [press for press in noted if not press.is_accepted]
    blind = sum(press.photo is None for press in early)
    pressed = sum(one.pressed for one in sittings)
    refused = sum(not event.accepted for event in events)
    note = (
        f"{pressed:,} presses of {len(sittings)} curators at {RATE:g}/s each;"
        f" {len(events):,} rows; {blind:,} presses came with no photo on the screen and"
        f" {len(early) - blind:,} before it was painted or too soon, which the page"
        f" passed over; {refused} refused as conflicts, {twice} photos said twice"
    )
    return {
        "lost": Figure(lost, 0, "labels", lower_is_better=True, note=note),
        "unseen": Figure(unseen, 0, "labels", lower_is_better=True),
    }
