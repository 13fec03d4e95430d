"""The role that pages, stream, devices and worker act as: it owns nothing and changes no row that is never edited.

In: a connection as the owner of the tables. Out: a role that may read and add everywhere, and update or delete only in tables without
the append-only trigger; and a file in the clinic's home with its connection text. The owner migrates and makes the demo; nothing
else that runs for long acts as the owner.
"""

import os
import secrets
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from vigil.config.home import Home

ROW_LOCKED = (
    "custody_account",
    "custody_discrepancy",
    "custody_transfer",
    "outcome_flag",
    "outcome_invitation",
)
"""Append-only tables whose rows writers lock. PostgreSQL asks the right to update one column for that: the
primary key, and the trigger still refuses the update itself."""


def app_role_name(home: Home) -> str | None:
    """The name of the role, if there is one."""
    url = home.app_url()
    return None if url is None else str(conninfo_to_dict(url)["user"])


def ensure(home: Home, owner_url: str) -> str | None:
    """Make the role, or bring its rights up to date; None, or the reason why it cannot be.

    Called at every start, after the migrations: new tables get their rights, and an older installation its role.
    """
    before = home.app_url()
    home.app_database.unlink(missing_ok=True)
    try:
        with psycopg.connect(owner_url) as db:
            role = f"vigil_app_{db.execute(_DATABASE_OID).fetchone()[0]}"
            url = before if _is_for(before, role, owner_url) else None
            if url is None:
                url = _with_new_password(db, role, owner_url)
            _grant(db, role)
        with psycopg.connect(url) as db:
            db.execute("SELECT 1")
    except psycopg.Error as error:
        said = str(error).strip().splitlines()
        return said[0] if said else type(error).__name__
    _write(home.app_database, url)
    return None


_DATABASE_OID = "SELECT oid FROM pg_database WHERE datname = current_database()"


def _is_for(url: str | None, role: str, owner_url: str) -> bool:
    """Whether a text kept from the last start still leads to the same place and is let in."""
    if url is None:
        return False
    kept, owner = conninfo_to_dict(url), conninfo_to_dict(owner_url)
    if kept.pop("user", None) != role:
        return False
    kept.pop("password", None)
    if kept != {key: owner[key] for key in owner if key not in ("user", "password")}:
        return False
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _with_new_password(db: psycopg.Connection, role: str, owner_url: str) -> str:
    password = secrets.token_urlsafe(24)
    known = db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    db.execute(
        sql.SQL("{} ROLE {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.Literal(password)
        )
    )
    # The password must hold before it is tried.
    db.commit()
    return make_conninfo(owner_url, user=role, password=password)


def _grant(db: psycopg.Connection, role: str) -> None:
    """Read and add everywhere; update and delete only where rows may change. What was granted before is taken back first."""
    from vigil.record.privileges import APPEND_ONLY

    named = {"role": sql.Identifier(role)}
    tables = {
        name: (is_guarded, key)
        for name, is_guarded, key in db.execute(
            _TABLES.format(append_only=APPEND_ONLY.replace("%%", "%"))
        ).fetchall()
    }
    steps = [
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        # Which migrations have run is the owner's to write.
        "REVOKE INSERT ON django_migrations FROM {role}",
    ]
    texts = [sql.SQL(step).format(**named) for step in steps]
    for name, (is_guarded, key) in tables.items():
        if is_guarded and name in ROW_LOCKED:
            rights = sql.SQL("UPDATE ({})").format(sql.Identifier(key))
        elif is_guarded or name == "django_migrations":
            continue
        else:
            rights = sql.SQL("UPDATE, DELETE")
        texts.append(
            sql.SQL("GRANT {} ON {} TO {role}").format(rights, sql.Identifier(name), **named)
        )
    db.execute(sql.SQL("; ").join(texts))


_TABLES = """
SELECT c.relname, c.oid IN ({append_only}),
       (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
WHERE c.relkind = 'r'
"""


def _write(path: Path, url: str) -> None:
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(url + "\n")
    partial.replace(path)
