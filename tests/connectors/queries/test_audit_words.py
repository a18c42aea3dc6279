"""Events are read aloud in the words of people, not of the program."""

import pytest

from connectors.queries import audit_words


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("connector.pause.requested", "asked to pause connector"),
        ("pipeline.force_stop.timed_out", "did not see it done: force stop pipeline"),
        ("connector.heal.opened", "gave up healing connector"),
        ("connector.protection.set", "protected connector"),
        ("team.member.added", "added a member to team"),
        ("account.created", "created account"),
        ("alert_rule.deleted", "deleted alert rule"),
    ],
)
def test_action_reads_as_a_sentence(action: str, words: str) -> None:
    assert audit_words.said(action) == words


def test_no_sentence_holds_an_underscore_or_a_dot() -> None:
    for action in [*audit_words.SAID, "batch.restart_failed.stopped", "some_thing.was_done"]:
        assert not set("_.") & set(audit_words.said(action).rstrip(":"))
