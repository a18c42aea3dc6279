"""A pretend cloud with one folder."""

import json

from connectors.vendors.sandbox import DemoAccount, Sandbox
from connectors.vendors.yandex.sandbox import server
from connectors.vendors.yandex.sandbox.estate import FOLDER
from connectors.vendors.yandex.sandbox.key import KEY_ID, PRIVATE_KEY, SERVICE_ACCOUNT
from connectors.vendors.yandex.sandbox.world import YandexWorld

KEY_FILE = json.dumps(
    {
        "id": KEY_ID,
        "service_account_id": SERVICE_ACCOUNT,
        "created_at": "2026-02-01T10:04:56Z",
        "key_algorithm": "RSA_2048",
        "private_key": f"PLEASE DO NOT REMOVE THIS LINE! Yandex.Cloud SA Key ID <{KEY_ID}>\n{PRIVATE_KEY}",
    }
)
SANDBOX = Sandbox(
    world=YandexWorld,
    app=server.app,
    accounts=(
        DemoAccount(
            "logistics-ru",
            "retail",
            settings={"folder_ids": FOLDER, "operation_url": "{url}", "iam_url": "{url}"},
            credentials={"key": KEY_FILE},
        ),
    ),
    refusals={
        "unauthorized": lambda fault: server.status(16, "Token is invalid or has expired."),
        "forbidden": lambda fault: server.status(7, "Permission denied"),
        "rate_limited": lambda fault: server.status(8, "Resource exhausted"),
        "conflict": lambda fault: server.status(10, "Aborted"),
        "error": lambda fault: server.status(13, "Internal error"),
    },
)
