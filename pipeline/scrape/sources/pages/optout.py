"""What a page says of having its pictures taken for machine learning."""

from bs4 import Tag

from pipeline.scrape.sources.pages.markup import Markup
from pipeline.web.answers import RESERVED
from pipeline.web.robots import ROBOT

_OPT_OUTS = ("noai", "noimageai", "noimageindex")


def page_opt_out(markup: Markup) -> str:
    """Return the reason why a page's pictures are not ours, ``""`` where they are.

    Its ``robots`` meta tags count, those for our name too, and the reservation of text
    and data mining (TDMRep). That the page itself is not to be indexed does not: lists
    of products often say so, and we index none.
    """
    tags = markup.soup.find_all("meta", attrs={"name": True, "content": True})
    rules = {
        rule.strip()
        for tag in tags
        if _text(tag, "name") in {"robots", ROBOT}
        for rule in _text(tag, "content").split(",")
    }
    for opt_out in _OPT_OUTS:
        if opt_out in rules:
            return f"robots meta tag: {opt_out}"
    is_reserved = any(
        _text(tag, "name") == "tdm-reservation" and _text(tag, "content") == "1"
        for tag in tags
    )
    return RESERVED if is_reserved else ""


def _text(tag: Tag, attribute: str) -> str:
    return str(tag[attribute]).strip().lower()
