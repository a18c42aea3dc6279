"""How many connectors there are of each kind: the changes, the sum of which is the count."""

from django.db import models


class CountChange(models.Model):
    """
    So many connectors more or fewer of one pipeline, team and state, of those that the last whole reading saw.

    Triggers on the connectors add a row in the transaction of each change, and nothing changes a row: writers never
    wait for each other. `services.counting` folds them. There are no foreign keys: a row would hold its pipeline and
    team while either is removed, and each change would look both up. Readers join; what is gone sums up to nothing.
    """

    pipeline_id = models.BigIntegerField()
    team_id = models.BigIntegerField()
    state = models.CharField(max_length=20)
    number = models.IntegerField()
    drifted = models.IntegerField()
    """Of them."""

    def __str__(self) -> str:
        return f"{self.number:+} {self.state}"
