"""Keeping the counts short: many changes of one kind are folded into their sum."""

from django.db import connection

# One statement, so that whoever sums up sees either the many or the one. What another folding has in hand is left to
# it; what somebody has not committed is not seen, and waits for the next time.
FOLD = """
WITH many AS (
    SELECT pipeline_id, team_id, state FROM connectors_countchange GROUP BY 1, 2, 3 HAVING count(*) > 1
), picked AS MATERIALIZED (
    SELECT c.id FROM connectors_countchange c JOIN many USING (pipeline_id, team_id, state)
       FOR UPDATE OF c SKIP LOCKED
), taken AS (
    DELETE FROM connectors_countchange c USING picked WHERE c.id = picked.id
    RETURNING c.pipeline_id, c.team_id, c.state, c.number, c.drifted
), folded AS (
    INSERT INTO connectors_countchange (pipeline_id, team_id, state, number, drifted)
    SELECT pipeline_id, team_id, state, sum(number), sum(drifted)
      FROM taken GROUP BY 1, 2, 3 HAVING sum(number) <> 0 OR sum(drifted) <> 0
    RETURNING 1
)
SELECT (SELECT count(*) FROM taken) - (SELECT count(*) FROM folded)
"""


def fold() -> int:
    """This will leave one row of each pipeline, team and state, and none where nothing is left; by how many fewer."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD)
        (fewer,) = cursor.fetchone()
    return int(fewer)
