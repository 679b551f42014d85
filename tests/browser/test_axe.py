"""That axe-core is at work: what is wrong with a page is found, and nothing else."""

import pytest

pytest.importorskip("axe_playwright_python", reason="needs the dev extra")

from playwright.sync_api import Browser

from tests.browser.axe import serious_findings

PAGE = """<!doctype html><html lang="en"><title>A page</title>
<main><h1>Photos</h1>{}</main></html>"""


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ('<img src="data:," alt="a guitar"><button>Label</button>', []),
        ('<img src="data:,">', ["critical image-alt"]),
        (
            '<p style="color: #999; background: #fff">pale</p>',
            ["serious color-contrast"],
        ),
        ("<button></button><button> </button>", ["critical button-name"] * 2),
    ],
    ids=["clean", "no alternative text", "pale", "two nameless buttons"],
)
def test_what_is_serious_is_found_once_for_each_element(
    browser: Browser, body: str, rules: list[str]
):
    page = browser.new_page()
    page.set_content(PAGE.format(body))

    found = serious_findings(page)

    assert [finding.partition(":")[0] for finding in found] == rules
    page.close()
