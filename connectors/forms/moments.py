"""Times as people give them: in so many hours, or at a moment in their own time zone."""

from datetime import UTC, date, datetime, timedelta, timezone

from django import forms

AT = "at"
SPANS = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1)}
FURTHEST = 14 * 60
"""Minutes that a time zone may lie from UTC."""


class MomentField(forms.DateTimeField):
    """A moment without a zone, as a browser's own field gives it."""

    def __init__(self) -> None:
        super().__init__(required=False, input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])

    def to_python(self, value: str | datetime | date | None) -> datetime | None:
        """This will read it as it stands; `moment` puts it into its zone."""
        found = super().to_python(value)
        return found.replace(tzinfo=None) if found else None


class OffsetField(forms.IntegerField):
    """Minutes from the person's clock to UTC, as the browser tells them; without a word of it, UTC."""

    def __init__(self) -> None:
        super().__init__(required=False, min_value=-FURTHEST, max_value=FURTHEST)


def moment(choice: str, at: datetime | None, offset: int | None, now: datetime) -> datetime | None:
    """
    This will give the moment that was chosen; None when none was.

    :raises forms.ValidationError: a moment was to be named and was not
    """
    if choice in SPANS:
        return now + SPANS[choice]
    if choice != AT:
        return None
    if at is None:
        raise forms.ValidationError("Name the day and the time.")
    return at.replace(tzinfo=timezone(timedelta(minutes=-(offset or 0)))).astimezone(UTC)
