"""Nobody signs off what they had a hand in, whatever the code does; and rules to begin with."""

from datetime import time

from django.db import migrations

FORBID = """
ALTER TABLE connectors_reviewitem ADD CONSTRAINT review_never_by_themselves
    CHECK (decided_by_id IS NULL OR NOT decided_by_id = ANY (people));
"""
ALLOW = "ALTER TABLE connectors_reviewitem DROP CONSTRAINT review_never_by_themselves"

RULES = (
    {"name": "Break-glass", "query": "action:*break_glass*", "weight": 90},
    {"name": "Refused", "query": "result:refused -system -action:site.sign_in.refused", "weight": 70},
    {"name": "Outside", "query": "action:*.state.changed_outside", "weight": 65},
    {"name": "Protected", "query": "action:connector.*.requested", "condition": "protected", "weight": 80},
    {"name": "Large batch", "query": "action:batch.*.requested", "condition": "large_batch", "number": 100, "weight": 60},
    {"name": "Out of hours", "query": "result:requested -system", "condition": "out_of_hours", "begins": time(7),
     "ends": time(19), "weight": 50},
    {"name": "No ticket", "query": "action:connector.*.requested -system", "condition": "no_ticket", "weight": 40,
     "is_on": False},
    {"name": "First time", "query": "result:requested -system", "condition": "first_time", "weight": 30, "is_on": False},
    {"name": "Random sample", "query": "result:requested -system", "condition": "sample", "number": 2, "weight": 10},
)


def begin(apps, schema_editor):
    """This will make the rules that are usual; admins change them as they like."""
    rules = apps.get_model("connectors", "ReviewRule")
    for rule in RULES:
        rules.objects.get_or_create(name=rule["name"], defaults=rule)


class Migration(migrations.Migration):
    dependencies = [("connectors", "0022_reviews")]

    operations = [migrations.RunSQL(FORBID, ALLOW), migrations.RunPython(begin, migrations.RunPython.noop)]
