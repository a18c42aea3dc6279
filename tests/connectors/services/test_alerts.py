"""Alerts: told once, told when over, taken by a real webhook and a real mail server, and their address kept secret."""

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from connectors.models import Alert, AlertMessage, AlertRule, AuditEvent, Connector
from connectors.services import alert_delivery, alerts, healing, notifying
from connectors.services.notifying import NotSent
from connectors.services.operations import NotAllowed, NotNow
from connectors.states import State
from tests.cast import Estate
from tests.connectors.services.guarding import protect, who

SECRET = "hook-secret-4711"


@pytest.fixture(autouse=True)
def nobody_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is the table; the hint to the worker is not needed here."""
    monkeypatch.setattr("connectors.tasks.wake", lambda account_id: None)
    monkeypatch.setattr("connectors.tasks.wake_message", lambda pk: None)


@pytest.fixture
def quiet(estate: Estate) -> Estate:
    """An estate in which nothing is stale, and nothing is failed."""
    estate.account.budget = 1e10
    estate.account.save()
    Connector.objects.filter(state=State.FAILED).update(state=State.RUNNING)
    return estate


class Hook(HTTPServer):
    """A place that takes messages, or does not."""

    taken: ClassVar[list[dict[str, Any]]] = []
    status = 200
    location = ""

    class Handler(BaseHTTPRequestHandler):
        """Takes one."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook = self.server
            assert isinstance(hook, Hook)
            hook.taken.append({"path": self.path, **json.loads(body)})
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook over real HTTP."""
    server = Hook(("127.0.0.1", 0), Hook.Handler)
    server.taken.clear()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def rule(estate: Estate, target: str = "https://chat.example/x", name: str = "lead", **fields: Any) -> AlertRule:
    actor, viewer = who(estate, name)
    wish = alerts.Wish(**{"name": "Broken", "conditions": ["failed"], "minutes": 2, "target": target, **fields})
    return alerts.save(wish=wish, team=estate.team, actor=actor, viewer=viewer)


def breaks(connector: Connector, minutes: int = 10, **fields: Any) -> None:
    since = timezone.now() - timedelta(minutes=minutes)
    Connector.objects.filter(pk=connector.pk).update(**{"state": State.FAILED, "state_since": since, **fields})


def said() -> list[tuple[str, str]]:
    return [(message.kind, message.title) for message in AlertMessage.objects.order_by("pk")]


def test_what_failed_is_told_once_and_once_more_when_it_is_over(quiet: Estate) -> None:
    rule(quiet)
    breaks(quiet.connectors[0])

    assert [alerts.run() for _ in range(3)] == [1, 0, 0]
    Connector.objects.filter(pk=quiet.connectors[0].pk).update(state=State.RUNNING)
    assert [alerts.run() for _ in range(2)] == [1, 0]

    assert said() == [("fired", "Failed: orders"), ("resolved", "Over: Failed: orders")]
    assert Alert.objects.get().resolved_at is not None


def test_storm_is_one_message(quiet: Estate) -> None:
    rule(quiet)
    for number in range(30):
        breaks(quiet.add(f"shard-{number:02}"))

    assert alerts.run() == 1

    message = AlertMessage.objects.get()
    assert message.title == "Failed: 30 connectors"
    assert message.body.endswith("shard-08, shard-09 and 20 more.")


def test_it_has_to_hold_for_long_enough_and_be_of_the_names(quiet: Estate) -> None:
    rule(quiet, names=["ord*"])
    breaks(quiet.connectors[0], minutes=1)
    breaks(quiet.connectors[1])

    assert alerts.run() == 0
    assert alerts.run(timezone.now() + timedelta(minutes=1, seconds=1)) == 1


def test_repeated_while_it_holds(quiet: Estate) -> None:
    rule(quiet, repeat_minutes=30)
    breaks(quiet.connectors[0])
    now = timezone.now()

    assert [alerts.run(now + timedelta(minutes=m)) for m in (0, 29, 30, 31, 60)] == [1, 0, 1, 0, 1]
    assert said()[1] == ("again", "Still: Failed: orders")


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ("failed", {"state": State.FAILED}),
        ("degraded", {"state": State.DEGRADED}),
        ("drift", {"state": State.PAUSED, "drift_since": timezone.now() - timedelta(hours=1)}),
    ],
)
def test_conditions_of_the_row(quiet: Estate, condition: str, fields: dict[str, Any]) -> None:
    rule(quiet, conditions=[condition])
    breaks(quiet.connectors[0], **fields)

    alerts.run()

    assert [(a.condition, a.connector.name) for a in Alert.objects.all()] == [(condition, "orders")]


def test_stale_is_told(quiet: Estate) -> None:
    rule(quiet, conditions=["stale"])
    quiet.account.budget, quiet.account.observed_at = 60, timezone.now() - timedelta(minutes=10)
    quiet.account.save()

    alerts.run()

    assert AlertMessage.objects.get().title == "Not read in time: 3 connectors"


def test_healing_that_gives_up_is_one_alert(quiet: Estate) -> None:
    rule(quiet, conditions=["heal_open"], minutes=0)
    actor, viewer = who(quiet, "lead")
    healing.set_policy(team=quiet.team, connector=None, wish=healing.Wish(), actor=actor, viewer=viewer)
    breaks(quiet.connectors[0], error="HTTP 401")

    for _ in range(3):
        healing.run()
        alerts.run()

    assert said() == [("fired", "Auto-heal has given up: orders")]


@pytest.mark.parametrize("by", ["person", "outside", "pipeline"])
def test_always_on_is_told_whoever_stopped_it(quiet: Estate, by: str) -> None:
    rule(quiet, conditions=["not_flowing"])
    protect(quiet, quiet.connectors[0], verbs=[], is_always_on=True)
    if by == "pipeline":
        quiet.pipeline.state, quiet.pipeline.state_since = State.PAUSED, timezone.now() - timedelta(hours=1)
        quiet.pipeline.save()
    else:
        breaks(quiet.connectors[0], state=State.PAUSED, desired_state=State.PAUSED if by == "person" else None)

    alerts.run()

    assert said() == [("fired", "Always on, and not flowing: orders")]


def test_webhook_takes_the_message(quiet: Estate, hook: Hook) -> None:
    rule(quiet, f"http://127.0.0.1:{hook.server_port}/in/{SECRET}")
    breaks(quiet.connectors[0])
    alerts.run()

    assert [alert_delivery.deliver(pk) for pk in alert_delivery.due()] == [True]

    assert [(m["path"], m["title"]) for m in hook.taken] == [(f"/in/{SECRET}", "Failed: orders")]
    assert alert_delivery.due() == []


def test_refused_it_is_tried_again_later_each_time_and_given_up_on_record(quiet: Estate, hook: Hook) -> None:
    hook.status = 503
    rule(quiet, f"http://127.0.0.1:{hook.server_port}/in/{SECRET}")
    breaks(quiet.connectors[0])
    alerts.run()
    now, waits = timezone.now(), []

    while pks := alert_delivery.due(now):
        assert alert_delivery.deliver(pks[0], now) is False
        message = AlertMessage.objects.get()
        waits.append((message.due_at - now).total_seconds())
        now = message.due_at

    assert waits == [15 * 2**n for n in range(alert_delivery.MOST_TRIES)]
    assert message.error == "127.0.0.1 answered 503."
    event = AuditEvent.objects.get(action="alert_message.given_up")
    assert SECRET not in event.canonical


def test_two_workers_send_a_message_once(quiet: Estate, hook: Hook) -> None:
    rule(quiet, f"http://127.0.0.1:{hook.server_port}/in")
    breaks(quiet.connectors[0])
    alerts.run()
    pk, now = AlertMessage.objects.get().pk, timezone.now()
    AlertMessage.objects.update(claimed_until=now + timedelta(seconds=30))  # another worker is at it

    assert alert_delivery.deliver(pk, now) is False
    assert hook.taken == []
    assert alert_delivery.deliver(pk, now + timedelta(seconds=31)) is True  # which died


def test_redirect_is_not_followed(quiet: Estate, hook: Hook) -> None:
    hook.status, hook.location = 307, f"http://127.0.0.1:{hook.server_port}/elsewhere"

    with pytest.raises(NotSent, match="answered 307"):
        notifying.send(f"http://127.0.0.1:{hook.server_port}/in", "t", "b")

    assert [m["path"] for m in hook.taken] == ["/in"]


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data", "https://metadata.google.internal/", "http://[fe80::1]/",
        "http://0xa9fea9fe/", "https://user:word@chat.example/",  # hex; a password
        "file:///etc/passwd", "syslog://", "dbus://", "exec://id", "json://169.254.169.254/",
        "mailto://u:p@example.com?smtp=169.254.169.254&to=a@example.com", "nothing",
    ],
)  # fmt: skip
def test_addresses_that_are_never_called(target: str) -> None:
    with pytest.raises(NotSent):
        notifying.send(target, "t", "b")


def test_private_addresses_are_refused_where_the_site_says_so(settings: Any, hook: Hook) -> None:
    settings.VENDOR_PRIVATE_ADDRESSES = False

    with pytest.raises(NotSent, match="private address"):
        notifying.send(f"http://127.0.0.1:{hook.server_port}/in", "t", "b")

    assert hook.taken == []


class Mail(socketserver.StreamRequestHandler):
    """As little of SMTP as a letter needs."""

    letters: ClassVar[list[str]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part.decode())
                self.letters.append("".join(lines))
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


def test_mail_goes_through_the_package_to_a_real_server() -> None:
    Mail.letters.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]

        notifying.send(
            f"mailto://127.0.0.1:{port}?from=switchyard@example.com&to=team@example.com&mode=insecure&smtp=127.0.0.1",
            "Failed: orders",
            "Team payments",
        )
        server.shutdown()

    assert len(Mail.letters) == 1
    assert "Failed: orders" in Mail.letters[0]


def test_address_is_encrypted_and_nowhere_else(quiet: Estate, caplog: pytest.LogCaptureFixture) -> None:
    made = rule(quiet, f"https://chat.example/{SECRET}")
    breaks(quiet.connectors[0])
    alerts.run()
    for pk in alert_delivery.due():
        alert_delivery.deliver(pk)

    stored = [str(vars(row)) for model in (AlertRule, AlertMessage, AuditEvent) for row in model.objects.all()]
    assert made.target_kind == "https"
    assert SECRET not in " ".join(stored) + caplog.text
    assert SECRET not in str(AlertMessage.objects.get().error)


def test_changing_keeps_the_address_unless_a_new_one_is_given(quiet: Estate) -> None:
    made = rule(quiet)
    before = made.sealed_target
    actor, viewer = who(quiet, "lead")

    alerts.save(wish=alerts.Wish("Other", ["drift"]), team=quiet.team, rule=made, actor=actor, viewer=viewer)
    assert AlertRule.objects.get().sealed_target == before
    alerts.save(
        wish=alerts.Wish("Other", ["drift"], "slack://a/b/c"), team=quiet.team, rule=made, actor=actor, viewer=viewer
    )

    assert (AlertRule.objects.get().sealed_target == before, AlertRule.objects.get().target_kind) == (False, "slack")


def test_try_out_is_a_message_of_its_own(quiet: Estate, hook: Hook) -> None:
    made = rule(quiet, f"http://127.0.0.1:{hook.server_port}/in")
    actor, viewer = who(quiet, "lead")

    message = alerts.try_out(rule=made, actor=actor, viewer=viewer)
    alert_delivery.deliver(message.pk)

    assert hook.taken[0]["title"] == "Test of “Broken”"


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"conditions": []}, "at least one condition"), ({"target": ""}, "Name the address"),
     ({"target": "ftp://x"}, "No such kind")],
)  # fmt: skip
def test_rule_that_makes_no_sense_is_refused(quiet: Estate, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(NotNow, match=words):
        rule(quiet, **({"target": "https://chat.example"} | fields))


@pytest.mark.parametrize("name", ["operator", "viewer", "stranger", "auditor"])
def test_rules_are_set_by_leads(quiet: Estate, name: str) -> None:
    with pytest.raises(NotAllowed):
        rule(quiet, name=name)
