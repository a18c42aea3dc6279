"""Places outside: told in order, again until it arrived, from where they stopped; a lost place costs nothing else."""

import hashlib
import hmac
import json
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from connectors import verifier
from connectors.actor import SET_UP
from connectors.models import AuditSink
from connectors.services import audit, checkpoints, sealing, sinks

pytestmark = pytest.mark.django_db


@dataclass
class Receiver:
    """A webhook that really listens; it answers what it is told to, then 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def positions(self) -> list[int]:
        """What arrived, in the order in which it did."""
        return [json.loads(line)["position"] for body in self.bodies for line in body.splitlines()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """This will serve a webhook on loopback."""
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = got.answers.pop(0) if got.answers else 204
            if answer == 204:
                got.bodies.append(body)
                got.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(answer)
            self.send_header("location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        got.url = f"http://127.0.0.1:{server.server_port}/hook?key=planted-hook-key"
        yield got
        server.shutdown()


def add(number: int = 1) -> None:
    """This will record and seal some events."""
    with transaction.atomic():
        for place in range(number):
            audit.record("site.test.done", actor=SET_UP, result="done", reason=f"naïve {place}")
    sealing.seal()


def report(file: Path, folder: Path | None = None) -> verifier.Report:
    """This will verify a stream file as an auditor does."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        export = verifier.read(lines)
    kept = [one for path in sorted(folder.iterdir()) for one in verifier.read_checkpoints(path.read_text().splitlines())
            ] if folder else []  # fmt: skip
    return verifier.check(export.links, kept, export.chain)


def test_file_is_an_export_that_verifies_against_the_checkpoints_beside_it(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_STREAM_FILE = str(tmp_path / "audit.jsonl")
    settings.AUDIT_CHECKPOINT_FOLDER = str(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    add(3)
    checkpoints.make()

    assert sinks.tell_all() == 4
    add(2)
    checkpoints.make()
    assert sinks.tell_all() == 3

    found = report(tmp_path / "audit.jsonl", tmp_path / "kept")
    assert (found.finding, found.events, found.signed_to) == (None, 5, 5)
    assert [path.name for path in sorted((tmp_path / "kept").iterdir())] == [
        "checkpoint-000000001.json", "checkpoint-000000002.json",
    ]  # fmt: skip


def test_file_goes_on_after_a_crash_in_the_middle_of_a_line_and_holds_nothing_twice(
    settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    settings.AUDIT_STREAM_FILE = str(file)
    add(3)
    sinks.tell_all()
    with file.open("a") as half:
        half.write('{"position": 4, "ha')
    AuditSink.objects.update(position=1)  # the crash came before it was noted
    add(2)

    sinks.tell_all()

    assert report(file).is_whole
    assert [json.loads(line)["position"] for line in file.read_text().splitlines()[1:]] == [1, 2, 3, 4, 5]


def test_checkpoint_that_stands_in_the_folder_is_never_written_over(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_FOLDER = str(tmp_path)
    (tmp_path / "checkpoint-000000001.json").write_text("another one")
    add()
    checkpoints.make()

    sinks.tell_all()

    assert (tmp_path / "checkpoint-000000001.json").read_text() == "another one"
    assert "says something else" in sinks.standings()[0].error


def test_webhook_is_told_again_until_it_arrived_in_order_and_nothing_is_skipped(
    settings: Any, receiver: Receiver
) -> None:
    settings.AUDIT_STREAM_WEBHOOK = receiver.url
    receiver.answers = [500, 302, 429]
    now = timezone.now()
    pauses = []
    add(3)

    for _ in range(3):
        assert sinks.tell_all(now) == 0
        row = AuditSink.objects.get()
        assert row.not_before is not None
        pauses.append(round((row.not_before - timezone.now()).total_seconds()))
        assert sinks.tell_all(now) == 0  # left in peace until then
        add()
        now = row.not_before
    told = sinks.tell_all(now)

    assert pauses == [2, 4, 8]
    assert (told, receiver.positions) == (6, [1, 2, 3, 4, 5, 6])
    assert (AuditSink.objects.get().failures, AuditSink.objects.get().error) == (0, "")


def test_webhook_can_tell_that_it_is_us(settings: Any, receiver: Receiver) -> None:
    settings.AUDIT_STREAM_WEBHOOK, settings.AUDIT_WEBHOOK_SECRET = receiver.url, "between-us"
    add()

    sinks.tell_all()

    at, mark = (part.split("=")[1] for part in receiver.headers[0]["x-switchyard-signature"].split(","))
    assert mark == hmac.new(b"between-us", f"{at}.".encode() + receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["x-switchyard-last"] == "1"


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://metadata/", "file:///etc/passwd", "http://["])
def test_webhook_never_leads_to_what_we_never_call(settings: Any, url: str) -> None:
    settings.AUDIT_STREAM_WEBHOOK = url
    add()

    assert sinks.tell_all() == 0
    assert AuditSink.objects.get().failures == 1


def test_private_addresses_are_refused_where_the_site_says_so(settings: Any, receiver: Receiver) -> None:
    settings.AUDIT_STREAM_WEBHOOK, settings.VENDOR_PRIVATE_ADDRESSES = receiver.url, False
    add()

    assert sinks.tell_all() == 0
    assert receiver.bodies == []


def test_trouble_is_told_without_the_address_and_what_it_holds(settings: Any, receiver: Receiver, caplog: Any) -> None:
    settings.AUDIT_STREAM_WEBHOOK = receiver.url
    receiver.answers = [503]
    add()
    sinks.tell_all()
    said = StringIO()

    call_command("audit", "sinks", stdout=said)

    assert "events.webhook: told up to 0, 1 behind, last never; failed 1 times: the webhook answered 503" in (
        said.getvalue()
    )
    assert "planted-hook-key" not in said.getvalue() + AuditSink.objects.get().error + caplog.text


def test_one_place_that_is_lost_holds_up_no_other(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_STREAM_WEBHOOK = "http://127.0.0.1:9/"
    settings.AUDIT_STREAM_FILE = str(tmp_path / "audit.jsonl")
    add(2)

    sinks.tell_all()

    assert {one.name: (one.position, one.behind) for one in sinks.standings()} == {
        "events.file": (2, 0), "events.webhook": (0, 2),
    }  # fmt: skip


def test_place_is_told_by_one_worker_at_a_time_and_by_another_when_that_one_dies(
    settings: Any, receiver: Receiver
) -> None:
    settings.AUDIT_STREAM_WEBHOOK = receiver.url
    add()
    now = timezone.now()
    AuditSink.objects.create(name="events.webhook", not_before=now + sinks.CLAIM)  # whoever claimed it died

    assert sinks.tell_all(now) == 0
    assert sinks.tell_all(now + sinks.CLAIM) == 1


def test_worker_that_lost_its_claim_moves_nothing(settings: Any, receiver: Receiver, monkeypatch: Any) -> None:
    settings.AUDIT_STREAM_WEBHOOK = receiver.url
    add()
    (sink,) = sinks.configured()

    def slow(lines: Any) -> None:
        sink.tell(lines)
        AuditSink.objects.update(not_before=timezone.now() + timedelta(minutes=9), position=7)  # taken over meanwhile

    assert sinks.tell(sinks.Sink(sink.name, sink.what, slow)) == 0
    assert AuditSink.objects.get().position == 7


def test_syslog_takes_counted_messages_and_counts_as_told_once_read_to_the_end(settings: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    settings.AUDIT_STREAM_SYSLOG = f"127.0.0.1:{listener.getsockname()[1]}"
    got: list[bytes] = []

    def take() -> None:
        broken, _ = listener.accept()  # goes away without reading
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        broken.close()
        whole, _ = listener.accept()
        with whole, whole.makefile("rb") as stream:
            got.append(stream.read())

    thread = threading.Thread(target=take)
    thread.start()
    add(2)
    now = timezone.now()
    assert sinks.tell_all(now) == 0
    assert sinks.tell_all(now + timedelta(minutes=1)) == 2
    thread.join(5)
    listener.close()

    messages, rest = [], got[0]
    while rest:
        length, _, rest = rest.partition(b" ")
        messages.append(rest[: int(length)].decode())
        rest = rest[int(length) :]
    assert [message.split(" ")[0] for message in messages] == ["<110>1", "<110>1"]
    assert [json.loads(message.split(" ", 7)[7])["position"] for message in messages] == [1, 2]


def test_place_can_be_told_once_more(settings: Any, receiver: Receiver) -> None:
    settings.AUDIT_STREAM_WEBHOOK = receiver.url
    add(3)
    sinks.tell_all()

    call_command("audit", "tell-again", "events.webhook", "--after", "1", stdout=StringIO())
    sinks.tell_all()

    assert receiver.positions == [1, 2, 3, 2, 3]
    with pytest.raises(CommandError, match=r"none of: events\.webhook"):
        call_command("audit", "tell-again", "events.file", stdout=StringIO())


def test_kept_checkpoint_is_readable_for_others(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_FOLDER = str(tmp_path)
    add()
    checkpoints.make()

    sinks.tell_all()

    assert stat.S_IMODE((tmp_path / "checkpoint-000000001.json").stat().st_mode) & 0o400
