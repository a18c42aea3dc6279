"""A pretend Confluent organization."""

from starlette.responses import JSONResponse, Response

from connectors.vendors.confluent.sandbox import server
from connectors.vendors.confluent.sandbox.world import ConfluentWorld
from connectors.vendors.sandbox import DemoAccount, Fault, Sandbox


def _limited(fault: Fault) -> Response:
    """No body is promised; the reset is relative, in seconds."""
    wait = f"{fault.seconds:g}"
    headers = {"Retry-After": wait, "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": wait}
    return Response(status_code=429, headers=headers)


SANDBOX = Sandbox(
    world=ConfluentWorld,
    app=server.app,
    accounts=(
        DemoAccount(
            "confluent-payments",
            "payments",
            credentials={"api_key": server.KEY, "api_secret": server.SECRET},
        ),
    ),
    refusals={
        "rate_limited": _limited,
        "unauthorized": lambda fault: server.refused(401, "Unauthorized"),
        "forbidden": lambda fault: server.refused(403, "Forbidden Access"),
        "conflict": lambda fault: server.refused(409, "The resource was changed at the same moment."),
        "error": lambda fault: JSONResponse({"error": {"code": 500, "message": "Oops, something went wrong"}}, 500),
    },
)
