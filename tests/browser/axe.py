"""What axe-core finds wrong with a page: accessibility, as a machine can judge it.

axe-core (MPL-2.0) comes unmodified inside the ``axe-playwright-python`` package; only
its script is used. A finding is *serious* where axe calls it serious or critical.
"""

from functools import cache
from importlib.resources import files
from importlib.util import find_spec

from playwright.sync_api import Page

PACKAGE = "axe_playwright_python"
_SERIOUS = ("serious", "critical")
_RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then(
  found => found.violations.map(rule => ({
    id: rule.id, impact: rule.impact, help: rule.help,
    nodes: rule.nodes.map(node => [node.html, node.failureSummary ?? ""]),
  })))"""


def has_axe() -> bool:
    """Say whether axe-core is installed (the ``dev`` extra has it)."""
    return find_spec(PACKAGE) is not None


def serious_findings(page: Page) -> list[str]:
    """List what axe-core calls serious or critical, a line for each element.

    Raises:
        ModuleNotFoundError: It is not installed (see ``has_axe``).
    """
    page.evaluate(_script())
    return [
        f"{rule['impact']} {rule['id']}: {rule['help']}; {' '.join(html.split())[:200]}"
        f" ({' '.join(summary.split())[:300]})"
        for rule in page.evaluate(_RUN)
        if rule["impact"] in _SERIOUS
        for html, summary in rule["nodes"]
    ]


@cache
def _script() -> str:
    return files(PACKAGE).joinpath("axe.min.js").read_text(encoding="utf-8")
