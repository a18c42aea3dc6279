"""Invitations by mail, taken by a mail server that listens; and what is said when there is none, or it refuses."""

import email
import email.policy
import re
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from connectors.models import AuditEvent, ReviewItem
from tests.cast import Estate

ADDRESS = "new@example.org"


class Postman(socketserver.StreamRequestHandler):
    """Takes mail as a server does, or turns everybody away."""

    taken: ClassVar[list[EmailMessage]] = []
    is_closed: ClassVar[bool] = False

    def handle(self) -> None:
        """This will speak as much SMTP as a client needs."""
        self.say("554 go away: token=planted" if self.is_closed else "220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                self.say("354 go on")
                self.take()
            self.say("221 bye" if line.upper() == "QUIT" else "250 fine")

    def take(self) -> None:
        """This will read a message up to its dot."""
        lines = iter(self.rfile.readline, b".\r\n")
        read = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(read, EmailMessage)
        self.taken.append(read)

    def say(self, words: str) -> None:
        """This will answer with one line."""
        self.wfile.write(f"{words}\r\n".encode())


@pytest.fixture
def postman(settings: Any) -> Iterator[type[Postman]]:
    """This will run a mail server, and set it up."""
    Postman.taken.clear()
    Postman.is_closed = False
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postman) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
        settings.DEFAULT_FROM_EMAIL = "switchyard@example.org"
        yield Postman
        server.shutdown()


def invite(estate: Estate) -> str:
    """This will invite somebody as the lead does: the page that follows."""
    lead = Client()
    lead.force_login(estate.people["lead"])
    answer = lead.post("/teams/payments/invitations/new/", {"address": ADDRESS, "role": "viewer"})
    assert answer.status_code == 200
    return answer.content.decode()


def link_on(page: str) -> str:
    found = re.search(r'id="link" value="([^"]+)"', page)
    assert found
    return found[1]


def test_an_invitation_is_mailed_and_its_link_opens(estate: Estate, postman: type[Postman]) -> None:
    page = invite(estate)

    (mail,) = postman.taken
    assert (mail["To"], mail["From"]) == (ADDRESS, "switchyard@example.org")
    assert mail["Subject"] == "You are invited to team Payments on Switchyard"
    body = mail.get_content()
    assert "lead invites you to team Payments on Switchyard, as viewer." in body
    assert link_on(page) in body
    assert f"The link is mailed to {ADDRESS}" in page
    assert Client().get(link_on(page).removeprefix("http://testserver")).status_code == 200


def test_the_record_knows_that_it_was_mailed_and_not_the_link(estate: Estate, postman: type[Postman]) -> None:
    secret = link_on(invite(estate)).rstrip("/").rsplit("/", 1)[1]

    event = AuditEvent.objects.get(action="team.invitation.mailed")
    assert (event.result, event.actor, event.after) == ("done", "lead", {"address": ADDRESS})
    assert secret not in str(list(AuditEvent.objects.values()))


def test_a_mail_server_that_refuses_leaves_the_link_to_the_lead(estate: Estate, postman: type[Postman]) -> None:
    postman.is_closed = True

    page = invite(estate)

    assert "The mail server did not take it" in page
    assert link_on(page).startswith("http://testserver/invitations/")
    event = AuditEvent.objects.get(action="team.invitation.mailed")
    assert event.result == "failed"
    assert "planted" not in event.error


def test_without_a_mail_server_the_lead_sends_the_link(estate: Estate, settings: Any) -> None:
    settings.EMAIL_HOST = ""

    page = invite(estate)

    assert f"Send this link to {ADDRESS}" in page
    assert not AuditEvent.objects.filter(action="team.invitation.mailed").exists()


def test_the_api_mails_too_and_says_so(estate: Estate, postman: type[Postman], settings: Any) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {estate.token('lead')}")

    def ask() -> Any:
        wish = {"address": ADDRESS, "role": "viewer"}
        return client.post("/api/v1/teams/payments/invitations/", wish, format="json").json()

    made = ask()
    settings.EMAIL_HOST = ""
    again = ask()

    assert (made["mail"], again["mail"]) == ("sent", "off")
    assert made["link"] in postman.taken[0].get_content()


WHY = "Which ticket was it?"


def done_by(*people: User) -> list[int]:
    """This will make an item of review for each of these."""
    return [
        ReviewItem.objects.create(
            key=f"event:{number}", event_id=number, said=f"{person.username} stopped thing {number}", actor="somebody",
            people=[person.pk], rules=["Rule"], weight=1, at=timezone.now(),
        ).pk
        for number, person in enumerate(people)
    ]  # fmt: skip


def question(estate: Estate, items: list[int]) -> None:
    """This will ask about items as the auditor does."""
    auditor = Client()
    auditor.force_login(estate.people["auditor"])
    words = {"item": items, "kind": "questioned", "text": WHY}
    assert auditor.post("/review/decisions/", words).status_code == 302


def with_addresses(estate: Estate, *names: str) -> list[User]:
    """This will give these of the cast an address."""
    for name in names:
        User.objects.filter(username=name).update(email=f"{name}@example.org")
    return [estate.people[name] for name in names]


def test_a_question_is_mailed_once_to_each_person_who_is_asked(estate: Estate, postman: type[Postman]) -> None:
    operator, lead = with_addresses(estate, "operator", "lead")

    question(estate, done_by(operator, operator, lead, estate.people["viewer"]))

    mails = {mail["To"]: mail.get_content() for mail in postman.taken}
    assert sorted(mails) == ["lead@example.org", "operator@example.org"]
    assert "auditor looks again at what you did" in mails["operator@example.org"]
    assert WHY in mails["operator@example.org"]
    assert "About: operator stopped thing 0; operator stopped thing 1" in mails["operator@example.org"]
    assert "http://testserver/questions/" in mails["operator@example.org"]
    events = AuditEvent.objects.filter(action="review.question.mailed").order_by("target")
    assert [(e.target, e.result, e.actor, e.after) for e in events] == [
        ("lead", "done", "auditor", {"questions": 1}), ("operator", "done", "auditor", {"questions": 2}),
    ]  # fmt: skip


def test_a_question_waits_on_the_page_where_no_mail_goes_out(estate: Estate, postman: type[Postman]) -> None:
    postman.is_closed = True
    (operator,) = with_addresses(estate, "operator")

    question(estate, done_by(operator))

    event = AuditEvent.objects.get(action="review.question.mailed")
    assert (event.result, "planted" in event.error) == ("failed", False)
    asked = Client()
    asked.force_login(operator)
    page = asked.get("/questions/").content.decode()
    assert WHY in page
    assert 'Asked of you <b class="count">1</b>' in page


def test_the_api_mails_questions_too(estate: Estate, postman: type[Postman]) -> None:
    items = done_by(*with_addresses(estate, "operator"))
    client = APIClient(headers={"Authorization": f"Token {estate.token('auditor')}"})

    client.post("/api/v1/reviews/decisions/", {"items": items, "decision": "questioned", "comment": WHY}, format="json")

    assert [mail["To"] for mail in postman.taken] == ["operator@example.org"]
