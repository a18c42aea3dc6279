"""Counts of connectors are kept as they change: triggers add what became more or fewer, and the sum is the count."""

from django.db import migrations, models

# Whether anything that is counted differs is decided before a function is called: figures are written all the time.
COUNT = """
CREATE FUNCTION connectors_count_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO connectors_countchange (pipeline_id, team_id, state, number, drifted)
    SELECT OLD.pipeline_id, OLD.team_id, OLD.state, -1, -(OLD.drift_since IS NOT NULL)::int
     WHERE TG_OP <> 'INSERT' AND OLD.gone_at IS NULL AND OLD.seen_at IS NULL
     UNION ALL
    SELECT NEW.pipeline_id, NEW.team_id, NEW.state, 1, (NEW.drift_since IS NOT NULL)::int
     WHERE TG_OP <> 'DELETE' AND NEW.gone_at IS NULL AND NEW.seen_at IS NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION connectors_count_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM connectors_countchange;
    RETURN NULL;
END $$;

CREATE TRIGGER count_added AFTER INSERT ON connectors_connector FOR EACH ROW
    WHEN (NEW.gone_at IS NULL AND NEW.seen_at IS NULL) EXECUTE FUNCTION connectors_count_changes();

CREATE TRIGGER count_removed AFTER DELETE ON connectors_connector FOR EACH ROW
    WHEN (OLD.gone_at IS NULL AND OLD.seen_at IS NULL) EXECUTE FUNCTION connectors_count_changes();

CREATE TRIGGER count_changed AFTER UPDATE ON connectors_connector FOR EACH ROW
    WHEN (
        (OLD.gone_at IS NULL AND OLD.seen_at IS NULL) <> (NEW.gone_at IS NULL AND NEW.seen_at IS NULL)
        OR NEW.gone_at IS NULL AND NEW.seen_at IS NULL AND (
            OLD.state <> NEW.state OR (OLD.drift_since IS NULL) <> (NEW.drift_since IS NULL)
            OR OLD.pipeline_id <> NEW.pipeline_id OR OLD.team_id <> NEW.team_id
        )
    )
    EXECUTE FUNCTION connectors_count_changes();

CREATE TRIGGER count_none AFTER TRUNCATE ON connectors_connector
    FOR EACH STATEMENT EXECUTE FUNCTION connectors_count_nothing();
"""
DO_NOT_COUNT = """
DROP TRIGGER count_none ON connectors_connector;
DROP TRIGGER count_changed ON connectors_connector;
DROP TRIGGER count_removed ON connectors_connector;
DROP TRIGGER count_added ON connectors_connector;
DROP FUNCTION connectors_count_nothing();
DROP FUNCTION connectors_count_changes();
"""

# Nobody may write from when it is counted until the triggers are seen. The lock comes first and is the strongest that
# this migration needs, so that it never waits for more while it holds some.
HOLD = "LOCK TABLE connectors_connector IN ACCESS EXCLUSIVE MODE"
FILL = """
INSERT INTO connectors_countchange (pipeline_id, team_id, state, number, drifted)
SELECT pipeline_id, team_id, state, count(*), count(drift_since)
  FROM connectors_connector
 WHERE gone_at IS NULL AND seen_at IS NULL
 GROUP BY 1, 2, 3
"""


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0030_board_by_state"),
    ]

    operations = [
        migrations.RunSQL(HOLD, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="CountChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pipeline_id", models.BigIntegerField()),
                ("team_id", models.BigIntegerField()),
                ("state", models.CharField(max_length=20)),
                ("number", models.IntegerField()),
                ("drifted", models.IntegerField()),
            ],
        ),
        migrations.RunSQL(COUNT, DO_NOT_COUNT),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="connector", name="connector_counted"),
    ]
