"""Which page comes after this one."""

from urllib.parse import urlsplit

from bs4 import Tag

from pipeline.scrape.sources.pages.markup import Markup

# What a link to the next page says, beside arrows; in the languages we can judge.
_NEXT = frozenset(
    {"next", "next page", "次へ", "次のページ", "次ページ", "次のページへ"}
)
_ARROWS = " \t\r\n\u00a0\u3000>»→▶≫\u203a\u27e9\uff1e"


def find_next_page(markup: Markup) -> str | None:
    """Return the address of the following page, where the page links to one."""
    tags = markup.soup.find_all(["link", "a"], href=True)
    marked = [tag for tag in tags if "next" in _rel(tag)]
    worded = [tag for tag in tags if tag.name == "a" and _says_next(tag)]
    for tag in (*marked, *worded):
        url = markup.address(tag["href"])
        if url is not None and url != markup.url:
            return url
    return None


def site_name(url: str) -> str:
    """Return the site a page is of: its host, with or without ``www.``."""
    return urlsplit(url).netloc.lower().removeprefix("www.")


def _rel(tag: Tag) -> list[str]:
    rel = tag.get("rel") or ""
    words = rel if isinstance(rel, str) else " ".join(rel)
    return words.lower().split()


def _says_next(tag: Tag) -> bool:
    said = (tag.get_text(" "), tag.get("aria-label"), tag.get("title"))
    return any(
        " ".join(str(words).split()).strip(_ARROWS).lower() in _NEXT
        for words in said
        if words
    )
