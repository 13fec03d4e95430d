"""Settings of the product, from the environment. The only place that reads it.

DATABASE_URL       connection text of PostgreSQL; without it, the embedded one of VIGIL_HOME
VIGIL_HOME         folder of keys, logs and the embedded database; `.vigil` by default
VIGIL_WEB_PORT     pages, 8000 by default
VIGIL_STREAM_PORT  live stream, the port after the pages by default
VIGIL_MLLP_PORT    devices, 2575 by default
VIGIL_HOSTS        names under which pages answer; this machine's own by default
VIGIL_PUBLIC_ADDRESS  beginning of the links that patients get, such as https://clinic.example; none by default
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from vigil.config import postgres

if sys.flags.optimize:
    # Assertions guard our own mistakes; a process without them must not touch a clinic's record.
    raise RuntimeError("Vigil refuses to run under python -O or PYTHONOPTIMIZE.")

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("VIGIL_HOME", ".vigil")).resolve()
WEB_PORT = int(os.environ.get("VIGIL_WEB_PORT", "8000"))
STREAM_PORT = int(os.environ.get("VIGIL_STREAM_PORT", str(WEB_PORT + 1)))
MLLP_PORT = int(os.environ.get("VIGIL_MLLP_PORT", "2575"))
HEARTBEATS = HOME / "heartbeats"
"""One file per long-running process, touched while it works; pages and `vigil doctor` show their age."""


def _secret_key() -> str:
    path = HOME / "secret-key"
    if "VIGIL_SECRET_KEY" in os.environ:
        return os.environ["VIGIL_SECRET_KEY"]
    if path.exists():
        return path.read_text().strip()
    # Only commands that need no sign-in reach this; `vigil up` makes the key first.
    return os.urandom(32).hex()


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("VIGIL_HOSTS", "127.0.0.1,localhost,[::1],testserver").split(",")


def _public_address() -> str:
    """The address before the path of every link for patients, or "" when they get the one that staff use."""
    text = os.environ.get("VIGIL_PUBLIC_ADDRESS", "").strip().rstrip("/")
    if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname):
        raise RuntimeError(
            f"VIGIL_PUBLIC_ADDRESS={text!r} is no address. Write it whole: https://clinic.example"
        )
    return text


PUBLIC_ADDRESS = _public_address()
if PUBLIC_ADDRESS:
    # A link that we print must also be answered.
    ALLOWED_HOSTS.append(str(urlsplit(PUBLIC_ADDRESS).hostname))

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "pgtrigger",
    "django_htmx",
    "csp",
    "vigil.record",
    "vigil.people",
    "vigil.assessment",
    "vigil.plan",
    "vigil.custody",
    "vigil.session",
    "vigil.outcome",
    "vigil.surveillance",
    "vigil.programme",
    "vigil.exchange",
    "vigil.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "vigil.web.policy.PolicyMiddleware",
]

ROOT_URLCONF = "vigil.config.urls"
WSGI_APPLICATION = "vigil.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "vigil.web.context.everywhere",
            ],
        },
    }
]


def database(url: str) -> dict[str, object]:
    """Django's settings for the server that the connection text names."""
    parts = conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", "vigil"),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }


def database_url() -> str:
    """The server to use: the one named, else the embedded one of this folder, else the user's own."""
    if os.environ.get("DATABASE_URL"):
        return os.environ["DATABASE_URL"]
    cluster = postgres.find(HOME / "database")
    return "dbname=vigil" if cluster is None else cluster.url


DATABASE_URL = database_url()
DATABASES = {"default": database(DATABASE_URL)}
AUTH_USER_MODEL = "people.Staff"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
]
LOGIN_URL = "people:sign-in"
LOGIN_REDIRECT_URL = "people:today"

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "vigil.web.assets.StaticFiles"},
}
WHITENOISE_USE_FINDERS = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "connect-src": [
            "'self'",
            f"http://127.0.0.1:{STREAM_PORT}",
            f"http://localhost:{STREAM_PORT}",
        ],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # It tells every step of every paper.
    "loggers": {"weasyprint": {"level": "WARNING"}},
}
