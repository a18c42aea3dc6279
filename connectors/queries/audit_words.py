"""Reading an event aloud: the sentence that pages, reviews and reports show."""

from connectors.models import AuditEvent
from connectors.states import Verb, label_of

OUTCOMES = {
    "requested": "asked to {verb} {noun}",
    "confirmed": "saw it done: {verb} {noun}",
    "refused": "was refused: {verb} {noun}",
    "failed": "could not {verb} {noun}",
    "timed_out": "did not see it done: {verb} {noun}",
    "overridden": "was overtaken from outside: {verb} {noun}",
    "cancelled": "cancelled: {verb} {noun}",
    "sent_again": "asked once more to {verb} {noun}",
    "break_glass": "broke the glass to {verb} {noun}",
    "done": "finished: {verb} {noun}",
    "stopped": "stopped after failures: {verb} {noun}",
}
"""By the last word of an action such as `connector.pause.requested`."""

SAID = {
    "site.sign_in.done": "signed in",
    "site.sign_in.refused": "was refused to sign in",
    "connector.state.changed_outside": "saw that somebody outside changed connector",
    "pipeline.state.changed_outside": "saw that somebody outside changed pipeline",
    "account.tried_out": "tried out an account",
    "access.asked": "asked for access to",
    "access.granted": "granted access to",
    "access.declined": "declined access to",
    "access.ended": "ended access to",
    "freeze.break_glass.opened": "broke the glass of freeze",
    "freeze.break_glass.closed": "closed the broken glass of freeze",
    "site.record.pruned": "pruned the record",
    "connector.note.written": "wrote a note on connector",
    "pipeline.note.written": "wrote a note on pipeline",
    "site.signing_key.rotated": "changed the signing key",
    "connector.heal.opened": "gave up healing connector",
    "connector.heal.closed": "took up healing again for connector",
    "connector.heal.policy.set": "set how to heal connector",
    "connector.heal.policy.removed": "ended the healing of connector",
    "team.heal.policy.set": "set how to heal connectors of team",
    "team.heal.policy.removed": "ended the healing for team",
    "connector.protection.set": "protected connector",
    "connector.protection.changed": "changed the protection of connector",
    "connector.protection.removed": "took the protection off connector",
    "connector.protection.loosening.asked": "asked to loosen the protection of connector",
    "connector.protection.loosening.declined": "declined to loosen the protection of connector",
    "connector.protection.loosening.taken_back": "took back the wish to loosen the protection of connector",
    "claim.asked": "claimed",
    "claim.granted": "granted the claim of",
    "claim.declined": "declined the claim of",
    "freeze.began": "began to hold freeze",
    "freeze.passed": "let go of freeze",
    "team.member.added": "added a member to team",
    "team.member.changed": "changed a member's role in team",
    "team.member.removed": "took a member out of team",
    "team.member.followed": "followed the company's groups for team",
    "team.invitation.created": "invited somebody into team",
    "team.invitation.mailed": "mailed an invitation into team",
    "team.invitation.accepted": "came by invitation into team",
    "team.invitation.revoked": "took back an invitation into team",
    "team.connectors.received": "was given connectors: team",
    "site.role.followed": "followed the company's groups for the whole site",
    "site.first_admin_link.created": "made the link for the first admin",
    "site.first_admin.created": "became the first admin",
    "site.glass.broken": "made a way in for an emergency",
    "site.glass.entered": "came in for an emergency",
    "site.simulation.started": "began to look at the site as somebody else",
    "site.simulation.ended": "ended looking at the site as somebody else",
    "site.record.probed": "tried whether the record can be written",
    "audit.export.requested": "asked for an export of the record",
    "audit.export.cancelled": "cancelled an export of the record",
    "audit.export.downloaded": "downloaded an export of the record",
    "alert_message.given_up": "gave up telling",
    "connector.configuration.read": "read the configuration of connector",
    "review.question.mailed": "mailed a question to",
    "audit.exported": "exported from the record",
    "review.approved": "signed off:",
    "review.questioned": "asked about:",
    "review.answered": "answered about:",
    "review.escalated": "escalated:",
    "review.reopened": "took back the sign-off of:",
}
"""Actions that read badly word by word."""


def sentence(event: AuditEvent) -> str:
    """This will say what was done, up to the name of the target."""
    return said(event.action, str((event.after or {}).get("task", "")))


def said(action: str, task: str = "") -> str:
    """This will say an action in words."""
    noun, *words = action.split(".")
    if len(words) == 2 and words[0] in set(Verb) and words[1] in OUTCOMES:  # noun.verb.outcome
        label = label_of(Verb(words[0]), task).lower()
        return OUTCOMES[words[1]].format(verb=f"{label} of" if task else label, noun=noun)
    if action in SAID:
        return SAID[action]
    *about, verb = words or ["recorded"]
    return " ".join([verb, noun, *about]).replace("_", " ")


def whole(event: AuditEvent) -> str:
    """This will say who did what to whom."""
    return f"{event.actor} {sentence(event)} {event.target}".strip()
