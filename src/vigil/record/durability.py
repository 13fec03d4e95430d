"""Whether what the database confirms also survives a power cut.

In: the server's own answers. Out: its version, and the names of the settings that make it forgetful.
"""

from django.db import connection

GUARDS = ("fsync", "synchronous_commit", "full_page_writes")
"""Server settings of which none may be off: else a power cut loses committed acts, or tears pages."""


def server_version() -> str:
    """The version of PostgreSQL, such as "18.4"."""
    return _show("server_version").split()[0]


def durability() -> dict[str, str]:
    """What the server says of each guard."""
    return {name: _show(name) for name in GUARDS}


def _show(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])
