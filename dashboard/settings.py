"""Settings, all of them from the environment. See docs/install.md for what each is for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from kombu import Queue

from dashboard import environment as env
from dashboard import logs

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = False
DEMO = env.flag("DEMO")
"""Sandboxes instead of vendors, and logins that the sign-in page shows."""
TESTING = env.flag("TESTING")
"""Set by bin/test: no throttles, cheap password hashes, static files without a manifest."""
IS_PLAIN_HTTP = env.flag("INSECURE_HTTP")
"""Cookies may travel without TLS: for loopback only."""

SECRET_KEY = env.needed("SECRET_KEY", "a long random text; bin/run makes one itself")
CREDENTIAL_KEYS = env.fernet_keys("CREDENTIAL_KEYS", "docs/install.md says how to make one; bin/run does it itself")
"""For vendors' credentials at rest; the first one encrypts, all of them decrypt."""
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
STATE_DIR = Path(env.text("SWITCHYARD_STATE", str(BASE_DIR / "var")))
VENDOR_PRIVATE_ADDRESSES = env.choice("VENDOR_PRIVATE_ADDRESSES", "allow", "deny") == "allow"
"""May vendor accounts lead to loopback and private ranges? Self-hosted vendors usually live there."""

LOCAL_ACCOUNTS = env.flag("LOCAL_ACCOUNTS", default=True)
"""May people sign in with a password that is kept here? Off: by the company's sign-in only."""
_STRICTEST_USUAL = ("nobody", "admins", "everybody") if DEMO or TESTING else ("admins", "everybody", "nobody")
SECOND_FACTOR = env.choice("SECOND_FACTOR", *_STRICTEST_USUAL)
"""Who must have a second factor beside a password kept here. The company's sign-in asks for its own."""
OIDC_ISSUER = env.text("OIDC_ISSUER")
"""The company's sign-in: the address below which `.well-known/openid-configuration` lies."""
OIDC_NAME = env.text("OIDC_NAME", "your company")
OIDC_GROUPS_CLAIM = env.text("OIDC_GROUPS_CLAIM", "groups")
OIDC_GROUPS = env.grants("OIDC_GROUPS")
"""What groups give: `payments-ops=payments:operator, platform=site:admin`."""

EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL, EMAIL_USE_TLS = env.mail("MAIL_URL")
"""For invitations; without a host none is mailed."""
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "switchyard@localhost")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # the list of passkeys writes its times with it
    "django.contrib.postgres",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "connectors",
    "dashboard",
]

MIDDLEWARE = [
    "dashboard.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.middleware.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

FOLDERS = ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES = [
    {
        "BACKEND": "dashboard.folding.Templates",
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("dashboard.folding.Loader", FOLDERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context_processors.site",
            ],
        },
    }
]

DATABASE_URL = env.needed("DATABASE_URL", "postgresql://user:password@host/name; bin/run starts one itself")
LISTEN_DATABASE_URL = env.text("LISTEN_DATABASE_URL", DATABASE_URL)
"""For LISTEN/NOTIFY: must not lead through a pooler that shares connections between transactions."""
DB_POOL_MAX = env.number("DB_POOL_MAX", 20)
DATABASES: dict[str, Any] = {"default": env.database(DATABASE_URL, pool_size=DB_POOL_MAX)}
REQUESTS_AT_ONCE = max((DB_POOL_MAX or 20) // 2, 4)
"""In one web process. The other connections are for what its open pages are told; without a pool as many."""
TURNS = 2
"""Of those, so many compute at a time: one while PostgreSQL answers the other."""
TURNS_LAST = 0.1
"""Seconds. A page takes a fifth of that; what takes longer waits for somebody else."""

CELERY_BROKER_URL = env.needed("BROKER_URL", "redis://host:6379/0 or amqp://…; bin/run starts a Valkey itself")
# A task that its worker took to its grave comes back after two minutes; without the other two options the broker's
# client looks for such tasks only every 100 seconds. Nothing depends on it: what is due is in the database.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
    }
    if CELERY_BROKER_URL.startswith("redis")
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
ROUTINE, PRESSED = "switchyard", "switchyard.pressed"
"""What the clock asks for, and what somebody waits for. A worker serves both unless it is told to serve one."""
CELERY_TASK_DEFAULT_QUEUE = ROUTINE
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in (ROUTINE, PRESSED)]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
# The work is waiting for vendors: a slow one holds a thread, never a core.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = env.number("WORKER_THREADS", 16)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "connectors.tasks.tick", "schedule": 1.0, "options": {"expires": 1}},
    "sweep": {"task": "connectors.tasks.sweep", "schedule": 10.0, "options": {"expires": 10}},
    "watch": {"task": "connectors.tasks.watch", "schedule": 5.0, "options": {"expires": 5}},
    "seal": {"task": "connectors.tasks.seal", "schedule": 1.0, "options": {"expires": 1}},
    "export": {"task": "connectors.tasks.export_due", "schedule": 1.0, "options": {"expires": 1}},
    "feed-review": {"task": "connectors.tasks.feed_review", "schedule": 3.0, "options": {"expires": 3}},
    "tell-outside": {"task": "connectors.tasks.tell_outside", "schedule": 2.0, "options": {"expires": 2}},
    "measure": {"task": "connectors.tasks.measure", "schedule": 60.0, "options": {"expires": 60}},
    "roll-up": {"task": "connectors.tasks.roll_up", "schedule": 300.0, "options": {"expires": 300}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "beat-schedule")

AUDIT_SIGNING_KEYS = env.words("AUDIT_SIGNING_KEYS")
"""Ed25519 seeds for checkpoints; the first one signs, the next one vouches for it. Else a file in the state folder."""
AUDIT_CHECKPOINT_EVENTS = env.number("AUDIT_CHECKPOINT_EVENTS", 1000)
AUDIT_CHECKPOINT_SECONDS = env.number("AUDIT_CHECKPOINT_SECONDS", 300)
AUDIT_RETENTION_DAYS = env.number("AUDIT_RETENTION_DAYS", 0)
"""Older events may be pruned behind a signed tombstone; 0 keeps everything."""
AUDIT_CHECKPOINT_FOLDER = env.text("AUDIT_CHECKPOINT_FOLDER")
AUDIT_CHECKPOINT_WEBHOOK = env.text("AUDIT_CHECKPOINT_WEBHOOK")
AUDIT_STREAM_FILE = env.text("AUDIT_STREAM_FILE")
AUDIT_STREAM_WEBHOOK = env.text("AUDIT_STREAM_WEBHOOK")
AUDIT_STREAM_SYSLOG = env.text("AUDIT_STREAM_SYSLOG")
"""host:port, over TCP."""
AUDIT_WEBHOOK_SECRET = env.text("AUDIT_WEBHOOK_SECRET")
"""Signs what goes to the webhooks."""

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
SECOND_FACTOR_URL = "/account/second-factor/needed/"
LOGOUT_REDIRECT_URL = "/sign-in/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "dashboard.adapters.Accounts"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
SOCIALACCOUNT_ADAPTER = "dashboard.adapters.Company"
SOCIALACCOUNT_LOGIN_ON_GET = True
"""The state that goes along is tied to the browser; a form that leads elsewhere would need a wider security policy."""
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = ""
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "company",
                "name": OIDC_NAME,
                "client_id": env.needed("OIDC_CLIENT_ID", "the company's sign-in knows the product by it"),
                "secret": env.text("OIDC_CLIENT_SECRET"),
                "settings": {
                    "server_url": OIDC_ISSUER,
                    "scope": env.words("OIDC_SCOPES", "openid,profile,email"),
                },
            }
        ]
        if OIDC_ISSUER
        else [],
    }
}
MFA_ADAPTER = "dashboard.adapters.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = LOCAL_ACCOUNTS
MFA_TOTP_ISSUER = "Switchyard"
MFA_TOTP_TOLERANCE = 1
MFA_ALLOW_UNVERIFIED_EMAIL = True
"""Addresses come from invitations and from the company; none is typed by the person."""
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_PLAIN_HTTP
MFA_FORMS = {
    "authenticate": "dashboard.forms.CodeForm",
    "authenticate_webauthn": "dashboard.forms.KeyForm",
    "login_webauthn": "dashboard.forms.PasskeyForm",
}
USERSESSIONS_TRACK_ACTIVITY = False
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_PLAIN_HTTP
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())
SECURE_SSL_REDIRECT = not IS_PLAIN_HTTP
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if IS_PLAIN_HTTP else int(timedelta(days=365).total_seconds())
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not IS_PLAIN_HTTP
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY") else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "connectors.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "connectors.api.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": []
    if TESTING
    else ["rest_framework.throttling.AnonRateThrottle", "rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "1200/min"},
    "EXCEPTION_HANDLER": "connectors.api.problems.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Switchyard",
    "DESCRIPTION": "Everything the pages can do, for programs.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "TeamRole": "connectors.api.team_serializers.ROLES",
        "TimedRole": "connectors.api.team_serializers.ASKABLE",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

LOGGING_CONFIG = None
logs.configure(is_readable=DEMO or IS_PLAIN_HTTP)
