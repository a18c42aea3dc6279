"""What a person keeps of the board: views of it, and which columns it has."""

from django.conf import settings
from django.db import models

from connectors.models.people import Team


class SavedView(models.Model):
    """Filters and grouping under a name: somebody's own, or shared with a team."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="saved_views")
    """Whose members see it; None: the owner alone."""
    name = models.CharField(max_length=80)
    query = models.TextField()
    """As in the board's address, in the order of `forms.board.FILTERS`."""
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return self.name


class BoardColumns(models.Model):
    """The columns one person has chosen for the board."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="board_columns")
    names = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.user}: {', '.join(self.names)}"
