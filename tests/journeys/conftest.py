"""The whole stack as a person starts it, and a real Chromium in front of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboard.stack import folders

SOON = 60.0
"""Seconds within which what is waited for must come. How fast it comes is measured elsewhere, on a machine at rest."""
expect.set_options(timeout=SOON * 1000)

ROOT = Path(__file__).resolve().parent.parent.parent
READY = re.compile(r"ready after [\d.]+ s:\s+(\S+)")
CHROMIUM = ["--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


def free_port() -> int:
    """This will find a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(what: str, fetch: Callable[[], Any], seconds: float = SOON) -> Any:
    """This will ask again and again until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := fetch():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Running:
    """A stack that runs."""

    process: subprocess.Popen[str]
    state: Path
    lines: list[str] = field(default_factory=list)
    url: str = ""

    def token(self, name: str) -> str:
        """This will give the API token that was printed for somebody."""
        return next(line.split()[-1] for line in self.lines if line.startswith(f"{name} token:"))

    def sandbox(self, slug: str) -> str:
        """This will give the address of a vendor's sandbox."""
        return str(json.loads((self.state / "sandboxes.json").read_text())[slug])

    def api(self, path: str, token: str = "operator", method: str | None = None, **body: Any) -> Any:
        """This will call the API, with POST when there is a body and nothing else was named."""
        data = json.dumps(body).encode() if body else None
        headers = {"Authorization": f"Token {self.token(token)}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}api/v1/{path}", data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or "null")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """This will stop it and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def start_stack(state: Path, **environment: str) -> Running:
    """This will start the stack and wait until it says that it is ready, or ends."""
    env = {**os.environ, "SWITCHYARD_STATE": str(state), "PORT": str(free_port()), **environment}
    for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"):
        if name not in environment:
            env.pop(name, None)
    process = subprocess.Popen([sys.executable, "-m", "dashboard.stack"], cwd=ROOT, env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    running = Running(process, state)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.lines.append(line.rstrip())
            if found := READY.search(line):
                running.url = found[1]

    threading.Thread(target=read, daemon=True).start()
    end = time.monotonic() + 2 * SOON
    while not (running.lines and running.lines[-1].startswith("Ctrl-C")) and process.poll() is None:
        assert time.monotonic() < end, "\n".join(running.lines)
        time.sleep(0.05)
    return running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """This will run the demo once for all journeys of this worker."""
    state = tmp_path_factory.mktemp("stack")
    running = start_stack(state, DEMO="1")
    assert running.url, "\n".join(running.lines)
    yield running
    running.stop()
    folders.wipe(state)


@pytest.fixture(scope="session")
def chromium(browser_path: str) -> Iterator[Browser]:
    """This will start a real Chromium."""
    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=browser_path, args=[*CHROMIUM, *root])
        yield browser
        browser.close()


@pytest.fixture
def sign_in(chromium: Browser, stack: Running) -> Iterator[Callable[..., Page]]:
    """This will give a function that opens a browser of its own and signs somebody in."""
    contexts = []

    def open_page(name: str, **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(SOON * 1000)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{stack.url}sign-in/")
        page.get_by_label("Login", exact=True).fill(name)
        page.get_by_label("Password", exact=True).fill("demo")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(stack.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
