"""What can be taken back at a press."""

from connectors.models import Connector, Operation, Pipeline
from connectors.queries import verbs
from connectors.states import INVERSE, Verb


def inverse_of(operation: Operation, target: Connector | Pipeline) -> Verb | None:
    """This will find the verb that leads back; None where the vendor has none, or has to be asked about it first."""
    back = INVERSE.get(Verb(operation.kind))
    capability = verbs.capability_of(target, back) if back else None
    asked = verbs.capability_of(target, Verb(operation.kind))
    if back is None or capability is None or asked is None:
        return None
    special = target.facts.get("consequence", {})
    grave = any(special.get(c.verb) or c.consequence for c in (asked, capability))
    return None if grave else back
