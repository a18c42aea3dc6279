"""Accounts on pages: each field's trouble in its place, and no secret ever in an answer."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.actor import Actor
from connectors.models import AuditEvent, Membership, SiteMembership, Team, VendorAccount
from connectors.permissions import viewer_of
from connectors.services import accounts, operations, vault
from connectors.states import Role, SiteRole
from connectors.vendors.sandbox import Bench, Fault

KEY = "tiny-secret-key"
NEW = "/accounts/new/tiny/"
NOW = timezone.now()
AS_FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def web(db: None, tiny: str) -> Callable[[str], Client]:
    """This will sign in as one of: admin, lead, operator, stranger."""
    team = Team.objects.create(slug="payments", name="Payments")
    Team.objects.create(slug="retail", name="Retail")

    def sign_in(name: str) -> Client:
        user = User.objects.create_user(name)
        if name == "admin":
            SiteMembership.objects.create(user=user, role=SiteRole.ADMIN)
        if name in {"lead", "operator"}:
            Membership.objects.create(user=user, team=team, role=Role(name))
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def typed(serve: Callable[..., tuple[Bench, str]], tiny: str) -> dict[str, Any]:
    """What a person types, all of it right."""
    app, url = serve(tiny)
    return {"name": "box-prod", "team": "payments", "base_url": url, "vendor_key": KEY, "bench": app}


def fields(typed: dict[str, Any], **changes: str) -> dict[str, str]:
    """This will give the form's values."""
    return {name: value for name, value in {**typed, **changes}.items() if name != "bench"}


def test_new_account_is_made_and_its_secret_sealed(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    answer = web("admin").post(NEW, fields(typed))

    account = VendorAccount.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/{account.pk}/")
    assert (account.name, account.team.slug, vault.unseal(account)) == ("box-prod", "payments", {"key": KEY})
    assert KEY not in str(list(AuditEvent.objects.values()))


def test_form_is_made_from_the_vendors_fields(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    client = web("admin")

    assert 'type="password" name="vendor_key"' in client.get(NEW).content.decode()
    assert NEW in client.get("/accounts/new/").content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_url": "http://169.254.169.254/latest/"}, "169.254.169.254"),
        ({"base_url": "ftp://box.example"}, "http"),
        ({"vendor_key": ""}, "This field is required."),
        ({"name": ""}, "This field is required."),
        ({"team": "nobody"}, "nobody is not one of the available choices"),
    ],
)
def test_bad_input_is_told_in_its_place_and_nothing_is_made(
    web: Callable[[str], Client], typed: dict[str, Any], changes: dict[str, str], words: str
) -> None:
    answer = web("admin").post(NEW, fields(typed, **changes))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert KEY not in page
    assert 'value="box-prod"' in page or changes.get("name") == ""
    assert not VendorAccount.objects.exists()


def test_a_name_that_is_taken_is_told(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    client = web("admin")
    client.post(NEW, fields(typed))

    answer = client.post(NEW, fields(typed))

    assert "There is an account &#x27;box-prod&#x27; already." in answer.content.decode()
    assert VendorAccount.objects.count() == 1


def test_trying_out_tells_what_works_and_keeps_nothing(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    answer = web("admin").post(NEW, {**fields(typed), "test": "1"}, headers=AS_FRAGMENT)

    page = answer.content.decode()
    assert page.count("<b>Works") == 3
    assert "Not tried: act on them" in page
    assert not VendorAccount.objects.exists()
    assert AuditEvent.objects.get(action="account.tried_out").result == "done"


@pytest.mark.parametrize(
    ("fault", "words"), [("unauthorized", "unauthorized"), ("html", "a web page where JSON was expected")]
)
def test_trying_out_tells_what_does_not_work(
    web: Callable[[str], Client], typed: dict[str, Any], fault: str, words: str
) -> None:
    typed["bench"].faults.append(Fault(fault, times=-1))

    page = web("admin").post(NEW, {**fields(typed), "test": "1"}, headers=AS_FRAGMENT).content.decode()

    assert "Does not work: reach it" in page
    assert words in page


def test_trying_out_an_address_where_nobody_answers(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    answer = web("admin").post(NEW, {**fields(typed, base_url="http://127.0.0.1:9"), "test": "1"}, headers=AS_FRAGMENT)

    assert "the connection was refused or is not possible" in answer.content.decode()


def test_a_test_that_cannot_be_tried_leaves_the_form_alone(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    answer = web("admin").post(NEW, {**fields(typed, vendor_key=""), "test": "1"}, headers=AS_FRAGMENT)

    page = answer.content.decode()
    assert 'id="checks"' in page
    assert "<form" not in page
    assert "<b>Key</b><small>This field is required.</small>" in page


def test_change_keeps_the_secret_that_is_not_typed_again(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    client = web("admin")
    client.post(NEW, fields(typed))
    path = f"/accounts/{VendorAccount.objects.get().pk}/change/"

    page = client.get(path).content.decode()
    answer = client.post(path, fields(typed, name="box-renamed", vendor_key=""))

    account = VendorAccount.objects.get()
    assert KEY not in page
    assert (answer.status_code, account.name, vault.unseal(account)) == (302, "box-renamed", {"key": KEY})


def test_kept_secrets_go_to_no_other_address(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    client = web("admin")
    client.post(NEW, fields(typed))
    path = f"/accounts/{VendorAccount.objects.get().pk}/change/"
    elsewhere = fields(typed, base_url="http://127.0.0.1:9", vendor_key="")

    saved = client.post(path, elsewhere)
    tested = client.post(path, {**elsewhere, "test": "1"})

    assert (saved.status_code, tested.status_code) == (422, 422)
    assert "have to be given again" in saved.content.decode()
    assert VendorAccount.objects.get().base_url == typed["base_url"]


def test_removing_takes_the_name(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    client = web("admin")
    client.post(NEW, fields(typed))
    path = f"/accounts/{VendorAccount.objects.get().pk}/removal/"

    client.post(path, {"name": "something else"})
    assert VendorAccount.objects.count() == 1
    assert client.get(path).status_code == 405
    client.post(path, {"name": "box-prod"})
    assert not VendorAccount.objects.exists()
    assert AuditEvent.objects.filter(action="account.deleted").count() == 1


@pytest.mark.parametrize("path", ["/accounts/new/", NEW])
def test_pages_are_for_those_who_manage_accounts(web: Callable[[str], Client], path: str) -> None:
    assert web("lead").get(path).status_code == 200
    assert web("operator").get(path).status_code == 403
    assert web("stranger").get(path).status_code == 403
    assert Client().get(path).status_code == 302


def test_a_lead_adds_an_account_to_their_own_team_alone(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    lead = web("lead")

    elsewhere = lead.post(NEW, fields(typed, team="retail"))
    assert (elsewhere.status_code, VendorAccount.objects.count()) == (422, 0)
    assert lead.post(NEW, fields(typed)).status_code == 302
    account = VendorAccount.objects.get()
    assert 'value="retail"' not in lead.get(f"/accounts/{account.pk}/change/").content.decode()
    assert AuditEvent.objects.get(action="account.created").actor == "lead"


def test_a_lead_moves_no_account_to_a_team_of_others(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    lead = web("lead")
    lead.post(NEW, fields(typed))
    account = VendorAccount.objects.get()
    user = User.objects.get(username="lead")

    with pytest.raises(operations.NotAllowed, match="in team retail; you are no member"):
        accounts.update(
            account=account, changes={"team": "retail"}, actor=Actor("person", "lead", user.pk), viewer=viewer_of(user)
        )

    account.refresh_from_db()
    assert account.team.slug == "payments"


def test_an_account_of_another_team_does_not_exist(web: Callable[[str], Client], typed: dict[str, Any]) -> None:
    web("admin").post(NEW, fields(typed))
    pk = VendorAccount.objects.get().pk

    assert web("stranger").get(f"/accounts/{pk}/change/").status_code == 404
    assert web("stranger2").post(f"/accounts/{pk}/removal/").status_code == 404


def test_an_unknown_vendor_is_not_found(web: Callable[[str], Client]) -> None:
    assert web("admin").get("/accounts/new/nosuch/").status_code == 404


def test_list_shows_the_accounts_of_ones_teams_and_those_in_trouble_alone(web: Callable[[str], Client]) -> None:
    payments, retail = Team.objects.get(slug="payments"), Team.objects.get(slug="retail")
    for name, team, failing in (("box-prod", payments, None), ("box-lab", payments, NOW), ("shelf", retail, None)):
        VendorAccount.objects.create(
            vendor="tiny", name=name, team=team, base_url="http://127.0.0.1:9", created_at=NOW, observed_at=NOW,
            failing_since=failing, failure="The key was refused." if failing else "",
        )  # fmt: skip
    operator = web("operator")

    everything = operator.get("/accounts/").content.decode()
    trouble = operator.get("/accounts/?trouble=yes").content.decode()
    searched = operator.get("/accounts/?search=PROD").content.decode()
    none = operator.get("/accounts/?search=nothing-like-it").content.decode()

    assert "box-prod" in everything and "box-lab" in everything and "shelf" not in everything  # noqa: PT018
    assert "The key was refused." in trouble and "box-prod" not in trouble  # noqa: PT018
    assert "box-prod" in searched and "box-lab" not in searched  # noqa: PT018
    assert "No account fits." in none


def test_list_of_accounts_is_paged_and_costs_the_same_queries(
    web: Callable[[str], Client], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin, team = web("admin"), Team.objects.get(slug="payments")
    VendorAccount.objects.create(vendor="tiny", name="box-prod", team=team, base_url="http://x", created_at=NOW)
    with CaptureQueriesContext(connection) as few:
        admin.get("/accounts/")
    VendorAccount.objects.bulk_create(
        VendorAccount(vendor="tiny", name=f"more-{n:03}", team=team, base_url="http://x", created_at=NOW)
        for n in range(120)
    )

    with django_assert_num_queries(len(few)):
        first = admin.get("/accounts/").content.decode()

    assert first.count('<th scope="row">') == 50
    assert "page=2" in first
    assert "more-119" in admin.get("/accounts/?page=3").content.decode()
