"""
Their words and ours. There is no word for on its way: that is an operation which has not ended.

https://yandex.cloud/docs/serverless-integrations/eventrouter/api-ref/Connector/get (2026-07).
"""

from connectors.states import State, Verb

CONNECTOR = {
    "RUNNING": State.RUNNING,
    "STOPPED": State.STOPPED,
    "RESOURCE_NOT_FOUND": State.FAILED,
    "PERMISSION_DENIED": State.FAILED,
    "SUBJECT_NOT_FOUND": State.FAILED,
    "CREATING": State.PROVISIONING,
    "DELETING": State.DELETING,
}
BUS = {"ACTIVE": State.RUNNING, "CREATING": State.PROVISIONING, "DELETING": State.DELETING}
HINTS = {
    "RESOURCE_NOT_FOUND": "its source does not exist: check the queue or stream it reads",
    "PERMISSION_DENIED": "its service account may not read the source: give it that role",
    "SUBJECT_NOT_FOUND": "its service account does not exist any more: set another",
}


def connector(status: str, *, pending: Verb | None, has_open_operation: bool) -> State:
    """
    This will tell the state of a connector.

    :param pending: our own open verb, once it was sent
    :param has_open_operation: its operation has not ended
    """
    state = CONNECTOR.get(status, State.UNKNOWN)
    if has_open_operation and pending is Verb.START and state is not State.RUNNING:
        return State.STARTING
    if has_open_operation and pending is Verb.STOP and state is not State.STOPPED:
        return State.STOPPING
    return state
