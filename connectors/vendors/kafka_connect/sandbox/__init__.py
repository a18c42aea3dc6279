"""Two pretend Connect clusters behind one address, told apart by a path prefix as behind a proxy."""

from starlette.responses import PlainTextResponse

from connectors.vendors.kafka_connect.sandbox import server
from connectors.vendors.kafka_connect.sandbox.world import KafkaConnectWorld
from connectors.vendors.sandbox import DemoAccount, Sandbox

SANDBOX = Sandbox(
    world=KafkaConnectWorld,
    app=server.app,
    accounts=(
        DemoAccount(
            "connect-orders",
            "payments",
            path="/orders",
            credentials={"username": server.USER, "password": server.PASSWORD},
        ),
        DemoAccount("connect-analytics", "retail", path="/analytics"),
    ),
    refusals={
        "conflict": lambda fault: server.error(
            409, "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
        ),
        "unauthorized": lambda fault: PlainTextResponse("User cannot access the resource.", 401),
        "forbidden": lambda fault: server.error(403, "Forbidden"),
        "error": lambda fault: server.error(500, "Request timed out"),
    },
)
