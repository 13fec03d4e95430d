"""Guards that every room's tables share: rows that cannot change, children that stay in their clinic.

In: table and column names. Out: Django triggers and migration operations.
"""

import pgtrigger
from django.db import migrations


def append_only(name: str) -> list[pgtrigger.Trigger]:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE of a table.

    `name` makes the trigger's name unique within the database; at most 20 letters.
    """
    return [
        pgtrigger.Protect(name=f"{name}_row", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name=f"{name}_all",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    ]


def same_clinic(*, child: str, column: str, parent: str) -> migrations.RunSQL:
    """A migration operation: `child.column` may only name a row of `parent` of the child's own clinic.

    Both tables must hold `clinic_id`; the parent must have UNIQUE (clinic_id, id).
    """
    name = f"{child}_{column}_same_clinic"[:60]
    return migrations.RunSQL(
        f'ALTER TABLE "{child}" ADD CONSTRAINT "{name}" FOREIGN KEY (clinic_id, "{column}") '
        f'REFERENCES "{parent}" (clinic_id, id) DEFERRABLE INITIALLY DEFERRED',
        f'ALTER TABLE "{child}" DROP CONSTRAINT "{name}"',
    )
