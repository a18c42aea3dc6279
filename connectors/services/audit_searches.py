"""Queries over the record that a person keeps; they are theirs alone."""

from connectors.models import AuditSearch
from connectors.permissions import Viewer

MOST = 50


class TooMany(Exception):
    """One person keeps no more than so many."""


def keep(*, viewer: Viewer, name: str, query: str) -> AuditSearch:
    """
    This will keep a query; one of the same name is replaced.

    :raises TooMany: there are enough
    """
    theirs = AuditSearch.objects.filter(user_id=viewer.user_id)
    if theirs.exclude(name=name).count() >= MOST:
        raise TooMany(f"You keep {MOST} searches already. Remove one first.")
    found, _ = AuditSearch.objects.update_or_create(user_id=viewer.user_id, name=name, defaults={"query": query})
    return found


def drop(*, viewer: Viewer, pk: int) -> bool:
    """This will forget one of the person's own; whether there was one."""
    return AuditSearch.objects.filter(user_id=viewer.user_id, pk=pk).delete()[0] == 1
