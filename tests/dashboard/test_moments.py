"""Moments out of the database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from psycopg.pq import Format

from connectors.models import Team, VendorAccount
from dashboard import moments

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 21, 22, 15, 7, 123456, UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # an hour that some zones skip
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_a_moment_comes_back_as_it_was_stored(moment: datetime) -> None:
    team = Team.objects.create(slug="payments", name="Payments")
    VendorAccount.objects.create(vendor="tiny", name="first", team=team, observed_at=moment)

    (found,) = VendorAccount.objects.values_list("observed_at", flat=True)

    assert found == moment
    assert found.utcoffset() == timedelta(0)


def test_the_loader_that_is_compiled_reads_them() -> None:
    connection.close()
    connection.ensure_connection()

    assert connection.connection.adapters.get_loader(moments.TIMESTAMPTZ, Format.TEXT) is moments.Loader
    with connection.cursor() as cursor:
        assert cursor.cursor.adapters.get_loader(moments.TIMESTAMPTZ, Format.TEXT) is moments.Loader
        cursor.execute("SHOW TimeZone")
        assert cursor.fetchone() == ("UTC",)
