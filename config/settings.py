"""Settings: everything that differs between machines comes from the environment (see README)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ImproperlyConfigured(f"The environment variable {name} is not set (see README).")
    return value


def _database(url: str, *, pooled: bool) -> dict[str, Any]:
    """Return Django's database settings for a `postgresql://user:password@host:port/name` URL."""
    parts = urlsplit(url)
    options: dict[str, object] = {
        "application_name": os.environ.get("OPENFLOOR_PROCESS", "openfloor")
    }
    if pooled:
        from tenants.pool import reset_connection

        size = int(os.environ.get("OPENFLOOR_POOL_SIZE", "8"))
        # Who waits longer than this for a database that is away is better told to come again.
        waits = {"timeout": 10.0, "reconnect_timeout": 60.0}
        options["pool"] = {"min_size": 1, "max_size": size, "reset": reset_connection, **waits}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
        "OPTIONS": options,
        # A connection that the server has closed meanwhile is replaced before it is used.
        "CONN_HEALTH_CHECKS": pooled,
    }


SECRET_KEY = _required("SECRET_KEY")
DEBUG = os.environ.get("OPENFLOOR_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("OPENFLOOR_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("OPENFLOOR_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django.forms",
    "django_htmx",
    "lucide",
    "rest_framework",
    "drf_spectacular",
    "config",
    "tenants",
    "evidence",
    "finance",
    "devices",
    "scheduling",
    "marketplace",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "tenants.middleware.TenantMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "tenants.middleware.PersonPreferencesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "config.shell.shell",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Aliases of worker roles exist only in the processes that are given their URL: the web has none.
DATABASES = {"default": _database(_required("DATABASE_URL"), pooled=True)}
for _alias in ("owner", "ingest", "relay", "sweep"):
    if _url := os.environ.get(f"DATABASE_{_alias.upper()}_URL"):
        DATABASES[_alias] = _database(_url, pooled=False)
if "ingest" in DATABASES:
    # The same dozen statements for every batch: planned once, with arrays sent apart from the text.
    # Its look-ups of a frame's neighbours walk an index from one end. The planner believes that
    # the test of a metric leaves one row, and would rather sort a device's whole history.
    _walk = "-c enable_sort=off -c enable_bitmapscan=off"
    DATABASES["ingest"]["OPTIONS"] |= {
        "server_side_binding": True,
        "prepare_threshold": 2,
        "options": _walk,
    }
DATABASE_ROUTERS = ["config.routers.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "tenants.Person"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "landing"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("OPENFLOOR_HTTPS") == "1"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src-elem": [SELF],
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "build" / "collected"
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "build" / "static"]
_STATIC_STORAGE = os.environ.get(
    "OPENFLOOR_STATIC", "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC_STORAGE},
}
# Without a manifest (tests, development) files are served as they lie in the source tree.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = "Manifest" not in _STATIC_STORAGE
OPENFLOOR_DATA = Path(os.environ.get("OPENFLOOR_DATA", BASE_DIR / "var"))
MEDIA_ROOT = OPENFLOOR_DATA / "files"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

REDIS_URL = os.environ.get("REDIS_URL", "")
MQTT_URL = os.environ.get("MQTT_URL", "")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [REDIS_URL],
            "prefix": os.environ.get("OPENFLOOR_CHANNEL_PREFIX", "live"),
        },
    }
}


def _mail(url: str) -> dict[str, Any]:
    """Return Django's mail settings for `smtp[+tls]://` or `smtps://user:password@host:port`."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtp+tls", "smtps") or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL is smtp://, smtp+tls:// or smtps://USER:PASSWORD@HOST:PORT (see README)."
        )
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


# Without a mail server each message becomes a file, for whoever runs the site to read.
EMAIL_URL = os.environ.get("EMAIL_URL", "")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_URL else "config.mail.EmailBackend"
)
EMAIL_FILE_PATH = OPENFLOOR_DATA / "mail"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("OPENFLOOR_MAIL_FROM", "Openfloor <openfloor@localhost>")
if EMAIL_URL:
    globals().update(_mail(EMAIL_URL))

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Real seconds: with a fast site clock an offer's hour may be over in less than a minute.
CELERY_BEAT_SCHEDULE = {
    "sweep-expired-offers": {"task": "marketplace.sweep_expired_offers", "schedule": 3.0},
    "end-holds": {"task": "marketplace.end_holds", "schedule": 3.0},
    "sweep-reports": {"task": "marketplace.sweep_reports", "schedule": 5.0},
    "wake-waiting-shares": {"task": "marketplace.wake_waiting_shares", "schedule": 5.0},
}

# What one run of the solver may use; it works in a child process of its own.
SOLVE_TIME_SECONDS = float(os.environ.get("OPENFLOOR_SOLVE_SECONDS", "40"))
SOLVE_CPU_SECONDS = int(os.environ.get("OPENFLOOR_SOLVE_CPU_SECONDS", "240"))
SOLVE_MEMORY_MB = int(os.environ.get("OPENFLOOR_SOLVE_MEMORY_MB", "4096"))

# How long a factory may think about an offer, in site hours; never past half the time to start.
OFFER_WINDOW_HOURS = float(os.environ.get("OPENFLOOR_OFFER_HOURS", "48"))

# How long the ways out of a refused order are held for its buyer, in site minutes, and for how many
# orders of one buyer at once and within a site day.
HOLD_MINUTES = float(os.environ.get("OPENFLOOR_HOLD_MINUTES", "20"))
HOLDS_AT_ONCE = int(os.environ.get("OPENFLOOR_HOLDS_AT_ONCE", "3"))
HOLDS_A_DAY = int(os.environ.get("OPENFLOOR_HOLDS_A_DAY", "5"))

# Money. The commission is taken from what a release pays to a supplier.
COMMISSION_BASIS_POINTS = int(os.environ.get("OPENFLOOR_COMMISSION_BASIS_POINTS", "300"))

# One clock for the whole site (tenants/clock.py). Without an epoch it is real time.
SITE_CLOCK_FILE = os.environ.get("SITE_CLOCK_FILE", "")
SITE_CLOCK_EPOCH = os.environ.get("SITE_CLOCK_EPOCH", "")
SITE_CLOCK_START = os.environ.get("SITE_CLOCK_START", "")
SITE_CLOCK_RATE = os.environ.get("SITE_CLOCK_RATE", "1")

# Money. The commission is taken from what a release pays to a supplier.
BANK_TRANSFER_ACCOUNT = {
    "holder": os.environ.get("OPENFLOOR_BANK_HOLDER", "Openfloor (simulated)"),
    "bank": os.environ.get("OPENFLOOR_BANK_NAME", "Simulated bank"),
    "number": os.environ.get("OPENFLOOR_BANK_ACCOUNT", "0000 0000 0000 0000"),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsing.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "tenants.api.pagination.NewestFirst",
    "EXCEPTION_HANDLER": "tenants.api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Openfloor",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django.request": {"level": "ERROR"}, "daphne": {"level": "WARNING"}},
}
SITE_NAME = _("Openfloor")
