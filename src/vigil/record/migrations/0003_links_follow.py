"""A link continues its register: the next number, and the hash that the head holds.

The head row is asked, not the links before: a register that somebody cut still takes what is done for a patient, and the
verifiers name the cut. A program that would skip or repeat a number writes nothing.
"""

from django.db import migrations

FOLLOWS = """
CREATE FUNCTION record_link_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT a.register, a.seq INTO bad
    FROM (
        SELECT clinic_id, register, seq, previous_hash,
               lag(seq) OVER w AS seq_before, lag(hash) OVER w AS hash_before
        FROM added WINDOW w AS (PARTITION BY clinic_id, register ORDER BY seq)
    ) a
    LEFT JOIN record_head h ON h.clinic_id = a.clinic_id AND h.register = a.register
    WHERE a.seq IS DISTINCT FROM coalesce(a.seq_before, h.seq) + 1
       OR a.previous_hash IS DISTINCT FROM coalesce(a.hash_before, h.hash)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'record: link % of % does not follow the one before it', bad.seq, bad.register
            USING ERRCODE = 'check_violation', CONSTRAINT = 'record_link_follows';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER record_link_follows AFTER INSERT ON record_link
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION record_link_follows();
"""
FOLLOWS_BACK = """
DROP TRIGGER record_link_follows ON record_link;
DROP FUNCTION record_link_follows();
"""


class Migration(migrations.Migration):
    dependencies = [("record", "0002_signed_heads")]

    operations = [migrations.RunSQL(FOLLOWS, FOLLOWS_BACK)]
