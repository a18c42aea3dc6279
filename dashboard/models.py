"""What the project itself keeps, beside the domain."""

from django.db import models


class Heartbeat(models.Model):
    """When something that ought to happen all the time last happened."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%F %T}"
