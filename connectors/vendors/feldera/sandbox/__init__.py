"""A pretend Feldera server, open-source edition."""

from connectors.vendors.feldera.sandbox import server
from connectors.vendors.feldera.sandbox.world import FelderaWorld
from connectors.vendors.sandbox import DemoAccount, Sandbox

SANDBOX = Sandbox(
    world=FelderaWorld,
    app=server.app,
    accounts=(DemoAccount("feldera-main", "retail", credentials={"api_key": server.KEY}),),
    refusals={
        "unauthorized": lambda fault: server.unauthorized(),
        "forbidden": lambda fault: server.error(
            403,
            "InsufficientPermissions",
            "Insufficient permissions: this action requires the 'write' role, but the caller has 'read'.",
            {"required": "write", "actual": "read"},
        ),
        "conflict": lambda fault: server.error(409, "Conflict", "The pipeline was changed at the same moment"),
        "error": lambda fault: server.error(500, "InternalServerError", "unexpected failure"),
    },
)
