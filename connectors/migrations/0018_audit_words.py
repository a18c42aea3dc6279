"""The words of an event, kept beside it: working them out anew for each row looked at would make searches slow."""

from django.db import migrations

ADD = r"""
ALTER TABLE connectors_auditevent ADD COLUMN words tsvector GENERATED ALWAYS AS (
    to_tsvector('simple'::regconfig, translate(
        actor || ' ' || action || ' ' || target || ' ' || account || ' ' || team || ' ' || left(reason, 10000) || ' '
        || ticket || ' ' || left(error, 10000),
        '.,;:-_/@()[]{}<>="''+&“”‘’„–—…·«»', '                                '
    ))
) STORED;
CREATE INDEX audit_words ON connectors_auditevent USING gin (words);
ANALYZE connectors_auditevent (words);
"""
REMOVE = "ALTER TABLE connectors_auditevent DROP COLUMN words"


class Migration(migrations.Migration):
    dependencies = [("connectors", "0017_audit_search")]

    operations = [migrations.RunSQL(ADD, REMOVE)]
