"""Every event waits for its seal; what is behind a tombstone may be removed, and nothing else may be touched."""

from django.db import migrations

TABLES = {
    "connectors_auditseal": "audit_seal",
    "connectors_auditcheckpoint": "audit_checkpoint",
    "connectors_auditchain": "audit_chain",
}

NOTE = """
CREATE FUNCTION connectors_audit_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO connectors_auditpending (event_id, at) SELECT id, clock_timestamp() FROM added;
    RETURN NULL;
END $$;

CREATE TRIGGER audit_waits AFTER INSERT ON connectors_auditevent
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION connectors_audit_waits();
"""
DO_NOT_NOTE = """
DROP TRIGGER audit_waits ON connectors_auditevent;
DROP FUNCTION connectors_audit_waits();
"""

BACKFILL = """
ALTER TABLE connectors_auditevent DISABLE TRIGGER audit_no_change;
UPDATE connectors_auditevent SET uid = gen_random_uuid();
UPDATE connectors_auditevent e SET canonical = (to_jsonb(e) - 'canonical' - 'id')::text;
ALTER TABLE connectors_auditevent ENABLE TRIGGER audit_no_change;
INSERT INTO connectors_auditpending (event_id, at) SELECT id, clock_timestamp() FROM connectors_auditevent;
"""

PRUNE = """
CREATE OR REPLACE FUNCTION connectors_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('connectors_auditevent', 'connectors_auditseal') THEN
        IF TG_TABLE_NAME = 'connectors_auditseal' THEN
            place := OLD.position;
        ELSE
            SELECT position INTO place FROM connectors_auditseal WHERE event_id = OLD.id;
        END IF;
        IF place <= (SELECT max(position) FROM connectors_auditcheckpoint WHERE kind = 'tombstone') THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit events are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
"""
FORBID = "".join(
    f"""
CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION connectors_audit_is_append_only();
CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION connectors_audit_is_append_only();
"""
    for table, name in TABLES.items()
)
ALLOW = "".join(
    f"DROP TRIGGER {name}_no_truncate ON {table};\nDROP TRIGGER {name}_no_change ON {table};\n"
    for table, name in TABLES.items()
)


class Migration(migrations.Migration):
    dependencies = [("connectors", "0006_audit_chain")]

    operations = [
        migrations.RunSQL(NOTE, DO_NOT_NOTE),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.RunSQL(PRUNE, migrations.RunSQL.noop),
        migrations.RunSQL(FORBID, ALLOW),
    ]
