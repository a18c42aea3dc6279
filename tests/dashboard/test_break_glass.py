"""The last way in: by command, with a reason, once, for a few hours."""

import io
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from connectors.models import AuditEvent, BreakGlassLink, SiteMembership
from connectors.permissions import viewer_of
from connectors.services import first_admin
from connectors.states import SiteRole

REASON = "the company's sign-in is down, INC-7"


def link(login: str = "night-shift", reason: str = REASON, hours: int = 4) -> str:
    """This will run the command and give the path it prints."""
    out = io.StringIO()
    call_command("break_glass", login, reason=reason, hours=hours, stdout=out)
    found = re.search(r"/break-glass/\S+", out.getvalue())
    assert found
    return found[0]


def test_a_link_signs_in_once_as_admin_and_all_of_it_is_on_record(client: Client, db: None) -> None:
    path = link()
    assert REASON.split(",", maxsplit=1)[0].split("'", maxsplit=1)[0] in client.get(path).content.decode()
    assert client.get("/account/").status_code == 302

    client.post(path)

    assert client.get("/audit/").status_code == 200
    assert Client().post(path).status_code == 404
    events = AuditEvent.objects.filter(action__startswith="site.").order_by("id")
    assert [(e.action, e.actor, e.reason) for e in events] == [
        ("site.glass.broken", "system:set-up", REASON),
        ("site.glass.entered", "night-shift", REASON),
        ("site.sign_in.done", "night-shift", ""),
    ]


def test_the_role_ends_by_itself(db: None) -> None:
    link(hours=2)
    user = User.objects.get(username="night-shift")

    assert viewer_of(user).is_admin
    assert not viewer_of(user, now=timezone.now() + timedelta(hours=2, seconds=1)).is_admin
    assert viewer_of(user).until is not None
    assert not first_admin.has_admin()


def test_the_link_ends_after_a_quarter_of_an_hour(client: Client, db: None) -> None:
    path = link()

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get(path).status_code == 404


def test_an_admin_for_good_stays_one(db: None) -> None:
    user = User.objects.create_user("admin")
    SiteMembership.objects.create(user=user, role=SiteRole.ADMIN)

    link("admin")

    assert SiteMembership.objects.get(user=user).ends_at is None


def test_a_new_link_ends_the_one_before_and_no_secret_is_kept(client: Client, db: None) -> None:
    first, second = link(), link()

    assert (client.get(first).status_code, client.get(second).status_code) == (404, 200)
    kept = str(list(BreakGlassLink.objects.values())) + str(list(AuditEvent.objects.values()))
    assert second.split("/")[2] not in kept


def test_without_a_reason_nothing_is_broken(db: None) -> None:
    with pytest.raises(CommandError):
        link(reason=" ")

    assert not User.objects.exists()
