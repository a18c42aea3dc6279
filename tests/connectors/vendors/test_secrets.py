"""What is masked and what is stripped."""

import pytest

from connectors.vendors.secrets import MASK, mask, strip


@pytest.mark.parametrize(
    "name",
    [
        "connection.password",
        "database.password",
        "kafka.api.secret",
        "kafka.api.key",
        "sasl.jaas.config",
        "aws.secret.access.key",
        "aws_access_key_id",
        "oauth.token",
        "ssl.keystore.password",
        "azure.connection.string",
        "private_key",
        "basic.auth.user.info",
        "Authorization",
    ],
)
def test_mask_hides_values_under_secret_names(name: str) -> None:
    assert mask({name: "s3cr3t-value"}) == {name: MASK}


@pytest.mark.parametrize("name", ["topics", "tasks.max", "connector.class", "table.name", "passthrough", "keys"])
def test_mask_leaves_other_names_alone(name: str) -> None:
    assert mask({name: "orders"}) == {name: "orders"}


def test_mask_goes_into_nested_values() -> None:
    config = {"transport": {"config": [{"sasl.password": "x1"}, {"topic": "t"}]}}

    assert mask(config) == {"transport": {"config": [{"sasl.password": MASK}, {"topic": "t"}]}}


def test_mask_strips_user_info_from_addresses() -> None:
    assert mask({"connection.url": "jdbc:postgresql://app:hunter22@db/orders"}) == {
        "connection.url": f"jdbc:postgresql://{MASK}@db/orders"
    }


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789",
        "login failed, password=hunter22;",
        '{"api_key": "hunter22hunter22"}',
        "postgres://app:hunter22@db/x",
        "-----BEGIN PRIVATE KEY-----\nhunter22\n-----END PRIVATE KEY-----",
        "Basic aHVudGVyMjI6aHVudGVyMjI=",
    ],
)
def test_strip_takes_out_what_looks_like_a_secret(text: str) -> None:
    stripped = strip(text)

    assert MASK in stripped
    assert "hunter22" not in stripped
    assert "abcdef0123456789" not in stripped
    assert "aHVudGVyMjI6" not in stripped


def test_strip_takes_out_known_values_wherever_they_stand() -> None:
    assert strip("GET /x?k=topsecret failed (topsecret)", ["topsecret"]) == f"GET /x?k={MASK} failed ({MASK})"
