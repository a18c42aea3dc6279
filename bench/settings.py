"""The product's settings, with the bare views beside the product's own and no limit on requests."""

from dashboard.settings import *  # noqa: F403  # all of them, as they are
from dashboard.settings import REST_FRAMEWORK as PRODUCT

ROOT_URLCONF = "bench.urls"
REST_FRAMEWORK = {**PRODUCT, "DEFAULT_THROTTLE_CLASSES": []}
