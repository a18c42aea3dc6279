"""PostgreSQL itself refuses to change or remove an audit event."""

from django.db import migrations

FORBID = """
CREATE FUNCTION connectors_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON connectors_auditevent
    FOR EACH ROW EXECUTE FUNCTION connectors_audit_is_append_only();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON connectors_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION connectors_audit_is_append_only();
"""

ALLOW = """
DROP TRIGGER audit_no_truncate ON connectors_auditevent;
DROP TRIGGER audit_no_change ON connectors_auditevent;
DROP FUNCTION connectors_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("connectors", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
