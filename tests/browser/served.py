"""A labeler's server for a browser, to be killed and started again at one address."""

import os
import subprocess
import sys
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page

from pipeline.home import SetFolder

TIMEOUT_MS = 20_000  # other work may take the processors
END_S = 20


@dataclass
class Served:
    """A set that is served, and the browser before it."""

    folder: SetFolder
    shas: dict[int, str]  # of each seed
    browser: Browser
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server; at the same port as before, where it had one."""
        plain = {key: os.environ[key] for key in os.environ if key[:6] != "MEKIKI"}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "labeler.server", "--no-browser"),
                *("--home", str(self.folder.home), "--set", self.folder.name),
                *("--port", str(self.port)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=plain | self.environment,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        self.port = int(line.split()[3].rsplit(":", 1)[1])

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    def wait(self) -> int:
        """Wait for the server to end by itself; it must have nothing to say."""
        assert self.process is not None
        out, errors = self.process.communicate(timeout=END_S)
        assert (out, errors) == ("", "")
        return self.process.returncode

    def visit(
        self,
        user: str,
        *,
        path: str = "",
        width: int = 1280,
        height: int = 800,
        locale: str = "en-US",
        context: BrowserContext | None = None,
        storage: str = "",
    ) -> Page:
        """Open the page as a curator, in a profile of their own or in one that is open.

        ``storage``: forget what the profile keeps under names that begin so.
        """
        if context is None:
            context = self.browser.new_context(
                viewport={"width": width, "height": height}, locale=locale
            )
            context.set_default_timeout(TIMEOUT_MS)
            self.contexts.append(context)
        page = context.new_page()
        if storage:
            page.add_init_script(
                "for (const key of Object.keys(localStorage))"
                f" if (key.startsWith({storage!r})) localStorage.removeItem(key);"
            )
        page.goto(f"{self.url}/{path}?user={user}")
        return page

    def close(self) -> None:
        """Close every page, and end the server."""
        for context in self.contexts:
            context.close()
        self.kill()
