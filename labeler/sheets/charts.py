"""Tallies in pictures: pieces of HTML that need no script, every figure also as text.

Their colours are in ``sheets.css``, told apart in grey too. All that people or the web
wrote is escaped.
"""

from collections.abc import Callable, Sequence
from html import escape

from labeler.sheets.tallies import Day, Pace, Work

Say = Callable[..., str]  # the words of a key, filled in

MARKDOWN = r"\`*_{}[]()<>#+-.!|~$:"
NOTHING = "\N{EN DASH}"
PARTS = ("confirmed", "relabelled", "unsure", "rejected", "undecided")


def plain(text: str) -> str:
    """Return text so that Streamlit's Markdown shows it as it is."""
    return "".join(f"\\{sign}" if sign in MARKDOWN else sign for sign in text)


def draw_figures(figures: Sequence[tuple[str, str, str]]) -> str:
    """Draw figures side by side, each with its name and what it means."""
    cards = "".join(
        f'<li class="p-figure"><span>{escape(name)}</span>'
        f"<strong>{escape(value)}</strong><small>{escape(about)}</small></li>"
        for name, value, about in figures
    )
    return f'<ul class="p-figures">{cards}</ul>'


def draw_work(rows: Sequence[Work], say: Say) -> str:
    """Draw how far each category is against its target, as a table with bars."""
    longest = max((max(_photos(row), row.target) for row in rows), default=0) or 1
    head = "".join(f"<th>{escape(say(f'progress.{part}'))}</th>" for part in PARTS)
    body = "".join(_work_row(row, longest, say) for row in rows)
    return (
        f'{_legend(say)}<div class="p-scroll" tabindex="0" role="region"'
        f' aria-label="{escape(say("progress.categories"))}"><table class="p-table">'
        f"<thead><tr><th>{escape(say('progress.category'))}</th>"
        f'<th class="p-wide">{escape(say("progress.photos"))}</th>{head}'
        f"<th>{escape(say('progress.target'))}</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def draw_paces(rows: Sequence[Pace], say: Say) -> str:
    """Draw how fast each curator is, as a table."""
    names = ("curator", "decided_all", "per_minute", "minutes")
    head = "".join(f"<th>{escape(say(f'progress.{name}'))}</th>" for name in names)
    body = "".join(
        f"<tr><th scope='row'>{escape(row.user)}</th><td>{row.photos:,}</td>"
        f"<td>{row.per_minute:,.0f}</td><td>{row.minutes:,}</td></tr>"
        for row in rows
    )
    return (
        f'<table class="p-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def draw_days(days: Sequence[Day], say: Say) -> str:
    """Draw how many photos were decided day by day, as columns."""
    most = max((day.photos for day in days), default=0) or 1
    columns = "".join(
        f'<li title="{escape(_who(day))}">{day.photos:,}'
        f'<i style="height:{7 * day.photos / most:.2f}rem"></i>'
        f"{day.date.month}/{day.date.day}</li>"
        for day in days
    )
    label = escape(say("progress.days", n=len(days)))
    return f'<ol class="p-days" tabindex="0" aria-label="{label}">{columns}</ol>'


def _work_row(row: Work, longest: int, say: Say) -> str:
    numbers = [(part, int(getattr(row, part))) for part in PARTS]
    bars = "".join(
        f'<i class="p-{part}" style="width:{100 * number / longest:.3f}%"></i>'
        for part, number in numbers
        if number
    )
    mark = ""
    if row.target:
        mark = f'<b style="left:{100 * row.target / longest:.3f}%"></b>'
    told = escape(say("progress.bar", usable=row.usable, target=row.target))
    cells = "".join(f"<td>{number:,}</td>" for _, number in numbers)
    target = f"{row.target:,}" if row.target else NOTHING
    return (
        f"<tr><th scope='row'>{escape(row.name)}</th><td class='p-wide'>"
        f"<div class='p-bar' role='img' aria-label='{told}' title='{told}'>{bars}{mark}"
        f"</div></td>{cells}<td>{target}</td></tr>"
    )


def _photos(row: Work) -> int:
    return row.decided + row.undecided


def _legend(say: Say) -> str:
    shown = (*PARTS, "target")
    items = "".join(
        f'<li><i class="p-{part}"></i>{escape(say(f"progress.{part}"))}</li>'
        for part in shown
    )
    return f'<ul class="p-legend">{items}</ul>'


def _who(day: Day) -> str:
    by = sorted(day.by_user.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{user}: {number:,}" for user, number in by) or "0"
