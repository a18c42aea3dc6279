"""A pretend Elasticsearch deployment with a connector service behind it."""

from connectors.vendors.elastic.sandbox import server
from connectors.vendors.elastic.sandbox.world import ElasticWorld
from connectors.vendors.sandbox import DemoAccount, Sandbox

SANDBOX = Sandbox(
    world=ElasticWorld,
    app=server.app,
    accounts=(
        DemoAccount("search-eu", "search", settings={"deployment": "es-7fa2"}, credentials={"api_key": server.KEY}),
    ),
    refusals={
        "unauthorized": lambda fault: server.error(None, 401, "security_exception", "unable to authenticate"),
        "forbidden": lambda fault: server.error(None, 403, "security_exception", "action is unauthorized"),
        "conflict": lambda fault: server.error(None, 409, "version_conflict_engine_exception", "version conflict"),
        "rate_limited": lambda fault: server.error(None, 429, "es_rejected_execution_exception", "rejected execution"),
        "error": lambda fault: server.error(None, 500, "exception", "internal error"),
    },
)
