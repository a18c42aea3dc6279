"""What connectors moved, over time: a minute each at first, coarser as it grows old."""

from django.db import models

from connectors.models.connectors import Connector


class Sample(models.Model):
    """What one connector moved in one stretch of time. None: it was not told, or could not be worked out."""

    pk = models.CompositePrimaryKey("connector_id", "span", "at")
    connector = models.ForeignKey(Connector, models.CASCADE, related_name="samples", db_index=False)
    span = models.PositiveSmallIntegerField()
    """Seconds it stands for."""
    at = models.DateTimeField()
    """Its beginning, on a whole multiple of the span."""
    records = models.FloatField(null=True)
    """Records a second."""
    bytes = models.FloatField(null=True)
    """Bytes a second."""
    errors = models.BigIntegerField(null=True)
    """Errors counted in it."""
    lag = models.BigIntegerField(null=True)
    """Records that waited; the most of them."""

    class Meta:
        indexes = [models.Index(fields=["span", "-at"], name="sample_newest")]

    def __str__(self) -> str:
        return f"{self.connector_id} at {self.at:%Y-%m-%d %H:%M}"
