"""What a role of the database could do to rows that are never edited.

In: a role's name, or nobody for the one that asks. Out: the append-only tables that it could change if their triggers were not
there. The guard is double: the trigger refuses everybody, and the role that serves pages has no right to begin with.
"""

from dataclasses import dataclass

from django.db import connection

APPEND_ONLY = """
SELECT c.oid FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
WHERE c.relkind = 'r' AND EXISTS (
    SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = c.oid AND p.prosrc LIKE '%%pgtrigger: Cannot update or delete rows%%'
)
"""
"""The tables whose rows a trigger keeps from being updated or deleted (`schema.append_only`)."""

_FOUND = f"""
SELECT r.rolname, r.rolsuper,
       array(SELECT a.oid::regclass::text FROM ({APPEND_ONLY}) a
             WHERE pg_has_role(r.oid, (SELECT relowner FROM pg_class WHERE oid = a.oid), 'USAGE')
                OR has_table_privilege(r.oid, a.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
             ORDER BY 1),
       (SELECT count(*) FROM ({APPEND_ONLY}) b)
FROM pg_roles r WHERE r.rolname = coalesce(%s, current_user)
"""  # noqa: S608 - only constants of this file


@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges:
    """`changeable`: append-only tables that the role may change, but for their triggers; `guarded`: how many there are."""

    role: str
    is_superuser: bool
    changeable: tuple[str, ...]
    guarded: int


def privileges(role: str | None = None) -> Privileges | None:
    """What that role, or the one that asks, could do; None when there is no such role."""
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, [role])
        row = cursor.fetchone()
    if row is None:
        return None
    return Privileges(role=row[0], is_superuser=row[1], changeable=tuple(row[2]), guarded=row[3])
