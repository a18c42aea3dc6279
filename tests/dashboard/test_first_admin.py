"""The one-time way into an empty product."""

from django.test import Client

from connectors.models import SiteMembership
from connectors.services import first_admin


def test_first_admin_link_opens_once(db: None, client: Client) -> None:
    secret = first_admin.make_link()
    path = f"/first-admin/{secret}/"
    form = {"username": "founder", "password1": "correct-horse-9", "password2": "correct-horse-9"}

    assert client.get(path).status_code == 200
    assert client.post(path, form).status_code == 302
    assert SiteMembership.objects.get().user.username == "founder"
    assert Client().get(path).status_code == 404
    assert Client().get("/first-admin/made-up/").status_code == 404
