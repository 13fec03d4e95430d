"""The ledger's invariants as named SQL: each query returns what breaks it, and nothing when all is well.

In: nothing, or a clinic. Out: for each broken invariant its name and the rows that break it. The queries read tables only
(no function of the product, no Python arithmetic), so that `vigil custody invariants` and an outsider with a copy of the database
can ask the same. Each invariant also stands as a constraint or trigger, and in the model test.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One statement that must hold, and the query whose rows (what, detail) break it."""

    name: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that breaks an invariant: what it is (an id) and the figure or word that shows it."""

    invariant: str
    what: str
    detail: str


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        name="I1-zero-sum",
        says="every movement has two sides and a positive amount",
        sql="""
            SELECT id, ug FROM custody_movement
            WHERE ug IS NULL OR ug <= 0 OR source_id IS NULL OR target_id IS NULL OR source_id = target_id
        """,
    ),
    Invariant(
        name="I1-one-lot",
        says="drug drawn from or put back into a container stays in its lot: a draw and its own container only",
        sql="""
            SELECT m.id, s.kind || ' to ' || t.kind
            FROM custody_movement m
            JOIN custody_account s ON s.id = m.source_id
            JOIN custody_account t ON t.id = m.target_id
            JOIN custody_draw d ON d.id = coalesce(s.draw_id, t.draw_id)
            WHERE coalesce(s.container_id, t.container_id) IS NOT NULL
              AND coalesce(s.container_id, t.container_id) <> d.container_id
        """,
    ),
    Invariant(
        name="I1-known-ways",
        says="drug moves along the known ways, and backwards only in a correction",
        sql="""
            WITH way (source, target) AS (VALUES
                ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
                ('container', 'returned'), ('container', 'distributor'), ('container', 'loss'),
                ('draw', 'patient'), ('draw', 'waste'), ('draw', 'loss'), ('draw', 'container'))
            SELECT m.id, s.kind || ' to ' || t.kind
            FROM custody_movement m
            JOIN custody_account s ON s.id = m.source_id
            JOIN custody_account t ON t.id = m.target_id
            JOIN custody_act a ON a.id = m.act_id
            WHERE (s.kind, t.kind) NOT IN (SELECT source, target FROM way)
              AND NOT (a.kind = 'corrected' AND (t.kind, s.kind) IN (SELECT source, target FROM way))
        """,
    ),
    Invariant(
        name="I2-every-prefix",
        says="no container was below zero or above its filled amount after any act of its history",
        sql="""
            WITH act_change AS (
                SELECT account_id, act_id, sum(ug) AS ug FROM custody_change GROUP BY account_id, act_id
            ), running AS (
                SELECT account_id, act_id,
                       sum(ug) OVER (PARTITION BY account_id ORDER BY act_id) AS ug
                FROM act_change
            )
            SELECT c.id, r.ug || ' after act ' || r.act_id
            FROM running r JOIN custody_container c ON c.id = r.account_id
            WHERE r.ug < 0 OR r.ug > c.filled_ug
        """,
    ),
    Invariant(
        name="I2-balance-row",
        says="the balance rows of containers and draws are what the movements say",
        sql="""
            WITH moved AS (
                SELECT account_id, sum(ug) AS ug FROM custody_change GROUP BY account_id
            ), balance AS (
                SELECT id, remaining_ug FROM custody_container
                UNION ALL SELECT id, remaining_ug FROM custody_draw
            )
            SELECT b.id, b.remaining_ug || ' in the row, ' || coalesce(m.ug, 0) || ' moved'
            FROM balance b LEFT JOIN moved m ON m.account_id = b.id
            WHERE b.remaining_ug <> coalesce(m.ug, 0)
        """,
    ),
    Invariant(
        name="I3-draw-accounted",
        says="drawn = given + wasted + returned + lost + remaining, each 0 or more, and never negative at any prefix",
        sql="""
            WITH act_change AS (
                SELECT account_id, act_id, sum(ug) AS ug FROM custody_change GROUP BY account_id, act_id
            ), running AS (
                SELECT account_id, sum(ug) OVER (PARTITION BY account_id ORDER BY act_id) AS ug
                FROM act_change
            )
            SELECT id, drawn_ug || ' drawn' FROM custody_draw
            WHERE drawn_ug <> given_ug + wasted_ug + returned_ug + lost_ug + remaining_ug
               OR least(drawn_ug, given_ug, wasted_ug, returned_ug, lost_ug, remaining_ug) < 0
            UNION ALL
            SELECT d.id, r.ug || ' at some moment'
            FROM running r JOIN custody_draw d ON d.id = r.account_id WHERE r.ug < 0
        """,
    ),
    Invariant(
        name="I4-witness",
        says="who witnesses is not who acts, is of the same clinic, and is there where two people are needed",
        sql="""
            SELECT a.id, a.kind
            FROM custody_act a
            LEFT JOIN people_staff p ON p.id = a.by_id
            LEFT JOIN people_staff w ON w.id = a.witness_id
            WHERE a.witness_id = a.by_id
               OR p.clinic_id IS DISTINCT FROM a.clinic_id
               OR (a.witness_id IS NOT NULL AND w.clinic_id IS DISTINCT FROM a.clinic_id)
               OR (a.witness_id IS NULL AND a.kind IN (
                   'drawn', 'wasted', 'put-back', 'counted', 'released', 'sent-out', 'diluted',
                   'dead-space-set', 'dead-space', 'lost', 'corrected', 'closed'))
        """,
    ),
    Invariant(
        name="I5-one-plan-one-patient",
        says="what was drawn is for one patient by a plan of that patient, and was drawn by its own act",
        sql="""
            SELECT d.id, 'plan ' || d.plan_id
            FROM custody_draw d
            LEFT JOIN plan_plan p ON p.id = d.plan_id
            LEFT JOIN custody_act a ON a.id = d.act_id
            WHERE p.patient_id IS DISTINCT FROM d.patient_id OR a.kind IS DISTINCT FROM 'drawn'
        """,
    ),
    Invariant(
        name="I6-as-recorded",
        says="what an act says is what the chained register says, word for word, and its movements are the same",
        sql="""
            WITH entry AS (
                SELECT (body::jsonb ->> 'act_id')::uuid AS act_id, body::jsonb AS body
                FROM record_entry WHERE register = 'custody'
            ), listed AS (
                SELECT e.act_id, line ->> 'account' AS account, sum((line ->> 'ug')::bigint) AS ug
                FROM entry e, jsonb_array_elements(e.body -> 'movements') line
                GROUP BY e.act_id, line ->> 'account'
            ), side AS (
                SELECT act_id, source_id AS account_id, -ug AS ug FROM custody_movement
                UNION ALL SELECT act_id, target_id, ug FROM custody_movement
            ), moved AS (
                SELECT a.act_id,
                       acc.kind || coalesce(':' || coalesce(acc.container_id, acc.draw_id), '') AS account,
                       sum(s.ug) AS ug
                FROM side s
                JOIN custody_act a ON a.id = s.act_id
                JOIN custody_account acc ON acc.id = s.account_id
                GROUP BY 1, 2
            )
            SELECT a.act_id::text, 'words' FROM custody_act a JOIN entry e ON e.act_id = a.act_id
            WHERE e.body - 'act_id' - 'key' - 'movements' <> a.body::jsonb
            UNION ALL
            SELECT coalesce(l.act_id, m.act_id)::text, coalesce(l.account, m.account)
            FROM listed l FULL JOIN moved m USING (act_id, account)
            WHERE l.ug IS DISTINCT FROM m.ug
        """,
    ),
    Invariant(
        name="I6-correction-is-a-pair",
        says="a correction takes back what was booked, books what is right, and names reason, act and second person",
        sql="""
            SELECT a.id, 'names nothing' FROM custody_act a
            LEFT JOIN custody_correction c ON c.act_id = a.id
            WHERE a.kind = 'corrected' AND (c.id IS NULL OR c.reason = '' OR a.witness_id IS NULL
                                            OR c.corrects_id >= a.id)
            UNION ALL
            SELECT a.id, 'moves something else' FROM custody_correction c
            JOIN custody_act a ON a.id = c.act_id
            WHERE c.is_ug - c.was_ug <> (
                SELECT coalesce(sum(CASE WHEN (t.kind, s.kind) IN (
                    ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
                    ('container', 'returned'), ('container', 'distributor'), ('container', 'loss'),
                    ('draw', 'patient'), ('draw', 'waste'), ('draw', 'loss')) THEN -m.ug ELSE m.ug END), 0)
                FROM custody_movement m
                JOIN custody_account s ON s.id = m.source_id
                JOIN custody_account t ON t.id = m.target_id
                WHERE m.act_id = c.act_id)
        """,
    ),
    Invariant(
        name="I6-guards-are-on",
        says="every table of custody refuses change and deletion: its triggers are there and switched on",
        sql="""
            SELECT c.relname, 'triggers on: ' || count(t.oid) FILTER (WHERE t.tgenabled IN ('O', 'A'))
            FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
            LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
                AND (t.tgtype & 2) = 2 AND (t.tgtype & 56) <> 0
            WHERE c.relkind = 'r' AND c.relname LIKE 'custody\\_%'
            GROUP BY c.relname
            HAVING count(t.oid) FILTER (WHERE t.tgenabled IN ('O', 'A')) < 2
            UNION ALL
            SELECT t.tgname, 'switched off' FROM pg_trigger t
            JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
            WHERE c.relname LIKE 'custody\\_%' AND t.tgenabled NOT IN ('O', 'A') AND NOT t.tgisinternal
        """,
    ),
    Invariant(
        name="I7-once",
        says="one key, one act, one entry in the chained register",
        sql="""
            SELECT key, count(*) || ' acts' FROM custody_act GROUP BY key HAVING count(*) <> 1
            UNION ALL
            SELECT a.key, count(e.id) || ' entries'
            FROM custody_act a
            LEFT JOIN record_entry e
                ON e.register = 'custody' AND (e.body::jsonb ->> 'act_id')::uuid = a.act_id
            GROUP BY a.key HAVING count(e.id) <> 1
        """,
    ),
    Invariant(
        name="I8-sequence",
        says="the chained register counts from 1 without gap or repeat, each link names the one before, all are linked",
        sql="""
            WITH numbered AS (
                SELECT clinic_id, register, seq, previous_hash,
                       row_number() OVER w AS place, lag(hash, 1, repeat('0', 64)) OVER w AS before
                FROM record_link WHERE register = 'custody'
                WINDOW w AS (PARTITION BY clinic_id, register ORDER BY seq)
            )
            SELECT clinic_id, 'link ' || seq FROM numbered
            WHERE seq <> place OR previous_hash <> before
            UNION ALL
            SELECT e.clinic_id, 'entry ' || e.id || ' is not linked' FROM record_entry e
            LEFT JOIN record_link l ON l.entry_id = e.id
            WHERE e.register = 'custody' AND l.id IS NULL
        """,
    ),
    Invariant(
        name="I10-difference-is-open",
        says="a count that differs from the book opened a discrepancy with owner and clock; the book it saw was the book",
        sql="""
            SELECT l.id::text, 'no discrepancy' FROM custody_countline l
            LEFT JOIN custody_discrepancy d ON d.line_id = l.id
            WHERE l.counted_ug <> l.expected_ug
              AND (d.id IS NULL OR d.owner_id IS NULL OR d.opened_at IS NULL)
            UNION ALL
            SELECT l.id::text, 'expected ' || l.expected_ug FROM custody_countline l
            JOIN custody_count c ON c.id = l.count_id
            WHERE l.expected_ug <> (
                SELECT coalesce(sum(ug), 0) FROM custody_change
                WHERE account_id = l.container_id AND act_id < c.act_id)
        """,
    ),
    Invariant(
        name="I12-one-clinic",
        says="a row and what it names belong to one clinic",
        sql="""
            SELECT m.id::text, 'movement' FROM custody_movement m
            JOIN custody_account s ON s.id = m.source_id JOIN custody_account t ON t.id = m.target_id
            JOIN custody_act a ON a.id = m.act_id
            WHERE m.clinic_id <> s.clinic_id OR m.clinic_id <> t.clinic_id OR m.clinic_id <> a.clinic_id
            UNION ALL
            SELECT d.id::text, 'draw' FROM custody_draw d
            JOIN custody_container c ON c.id = d.container_id
            JOIN people_patient p ON p.id = d.patient_id JOIN plan_plan q ON q.id = d.plan_id
            WHERE d.clinic_id <> c.clinic_id OR d.clinic_id <> p.clinic_id OR d.clinic_id <> q.clinic_id
            UNION ALL
            SELECT w.id::text, 'account' FROM custody_account w
            LEFT JOIN custody_container c ON c.id = w.container_id
            LEFT JOIN custody_draw d ON d.id = w.draw_id
            WHERE w.clinic_id <> coalesce(c.clinic_id, d.clinic_id, w.clinic_id)
            UNION ALL
            SELECT c.id::text, 'container' FROM custody_container c
            JOIN custody_product p ON p.id = c.product_id
            LEFT JOIN custody_place q ON q.id = c.place_id
            WHERE c.clinic_id <> p.clinic_id OR c.clinic_id <> coalesce(q.clinic_id, c.clinic_id)
            UNION ALL
            SELECT l.id::text, 'count line' FROM custody_countline l
            JOIN custody_count n ON n.id = l.count_id JOIN custody_container c ON c.id = l.container_id
            WHERE l.clinic_id <> n.clinic_id OR l.clinic_id <> c.clinic_id
        """,
    ),
    Invariant(
        name="I13-one-place",
        says="a container is at one place, which its transfers say; a transfer is received whole, once, by another person",
        sql="""
            WITH last AS (
                SELECT DISTINCT ON (container_id) container_id, place_id, transfer_id
                FROM custody_placement ORDER BY container_id, act_id DESC
            )
            SELECT c.id, 'row and transfers differ' FROM custody_container c
            LEFT JOIN last l ON l.container_id = c.id
            WHERE (c.place_id, c.transfer_id) IS DISTINCT FROM (l.place_id, l.transfer_id)
               OR (c.place_id IS NOT NULL AND c.transfer_id IS NOT NULL)
            UNION ALL
            SELECT t.id, 'received by who sent it' FROM custody_transfer t
            JOIN custody_act s ON s.id = t.act_id
            JOIN custody_arrival r ON r.transfer_id = t.id
            JOIN custody_act a ON a.id = r.act_id
            WHERE a.by_id = s.by_id
            UNION ALL
            SELECT t.id, 'received and still on the way' FROM custody_transfer t
            JOIN custody_arrival r ON r.transfer_id = t.id
            JOIN custody_container c ON c.transfer_id = t.id
            UNION ALL
            SELECT p.container_id, 'came to another place than it was sent to'
            FROM custody_placement p
            JOIN custody_arrival r ON r.act_id = p.act_id
            JOIN custody_transfer t ON t.id = r.transfer_id
            WHERE p.place_id IS DISTINCT FROM t.target_id
        """,
    ),
)  # fmt: skip

OVERDUE = """
SELECT t.id, t.due_at FROM custody_transfer t
LEFT JOIN custody_arrival r ON r.transfer_id = t.id
WHERE r.id IS NULL AND t.due_at <= %s
"""
"""I13's other half is an alarm and no defect: transfers that nobody received by then. `queries.open_transfers` asks it."""


def broken() -> tuple[Broken, ...]:
    """Every row of this database that breaks an invariant of custody; none, or a defect to look at now."""
    found: list[Broken] = []
    with connection.cursor() as cursor:
        for invariant in INVARIANTS:
            cursor.execute(invariant.sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            found += [
                Broken(invariant=invariant.name, what=str(what), detail=str(detail))
                for what, detail in rows
            ]
    return tuple(found)
