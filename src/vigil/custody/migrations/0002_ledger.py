"""The ledger's own guards: balances move with a movement and with nothing else.

Written as SQL, not as model code, so that whoever writes by whatever door meets them.
"""

from django.db import migrations

from vigil.record.schema import same_clinic

POST = """
CREATE FUNCTION custody_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    source custody_account;
    target custody_account;
BEGIN
    SELECT * INTO STRICT source FROM custody_account WHERE id = NEW.source_id;
    SELECT * INTO STRICT target FROM custody_account WHERE id = NEW.target_id;
    IF (source.kind, target.kind) NOT IN (
        ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
        ('container', 'returned'), ('container', 'loss'),
        ('draw', 'patient'), ('draw', 'waste'), ('draw', 'container')
    ) THEN
        RAISE EXCEPTION 'custody: drug does not move from % to %', source.kind, target.kind
            USING ERRCODE = 'check_violation';
    END IF;
    IF source.kind = 'container' THEN
        UPDATE custody_container SET remaining_ug = remaining_ug - NEW.ug
            WHERE id = source.container_id;
    ELSIF source.kind = 'draw' THEN
        UPDATE custody_draw SET
            remaining_ug = remaining_ug - NEW.ug,
            given_ug = given_ug + CASE target.kind WHEN 'patient' THEN NEW.ug ELSE 0 END,
            wasted_ug = wasted_ug + CASE target.kind WHEN 'waste' THEN NEW.ug ELSE 0 END,
            returned_ug = returned_ug + CASE target.kind WHEN 'container' THEN NEW.ug ELSE 0 END
            WHERE id = source.draw_id;
    END IF;
    IF target.kind = 'container' THEN
        UPDATE custody_container SET remaining_ug = remaining_ug + NEW.ug
            WHERE id = target.container_id;
    ELSIF target.kind = 'draw' THEN
        UPDATE custody_draw SET drawn_ug = drawn_ug + NEW.ug, remaining_ug = remaining_ug + NEW.ug
            WHERE id = target.draw_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_post AFTER INSERT ON custody_movement
    FOR EACH ROW EXECUTE FUNCTION custody_post();
"""
POST_BACK = """
DROP TRIGGER custody_post ON custody_movement;
DROP FUNCTION custody_post();
"""

GUARD = """
CREATE FUNCTION custody_guard_container() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'custody: a container is never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.remaining_ug <> 0 THEN
            RAISE EXCEPTION 'custody: a container starts at zero; a movement fills it'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.clinic_id, NEW.product_id, NEW.lot, NEW.expires_on, NEW.label, NEW.filled_ug)
       IS DISTINCT FROM
       (OLD.id, OLD.clinic_id, OLD.product_id, OLD.lot, OLD.expires_on, OLD.label, OLD.filled_ug) THEN
        RAISE EXCEPTION 'custody: what a container is never changes' USING ERRCODE = 'check_violation';
    END IF;
    -- Depth 1 is a statement from outside; the movement's own trigger makes it 2.
    IF NEW.remaining_ug <> OLD.remaining_ug AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'custody: a balance moves only with a movement' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER custody_guard_container BEFORE INSERT OR UPDATE OR DELETE ON custody_container
    FOR EACH ROW EXECUTE FUNCTION custody_guard_container();
CREATE TRIGGER custody_guard_container_all BEFORE TRUNCATE ON custody_container
    FOR EACH STATEMENT EXECUTE FUNCTION custody_guard_container();

CREATE FUNCTION custody_guard_draw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'custody: a draw is never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.drawn_ug <> 0 THEN
            RAISE EXCEPTION 'custody: a draw starts at zero; a movement fills it'
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.clinic_id, NEW.act_id, NEW.container_id, NEW.patient_id, NEW.plan_id, NEW.purpose_id)
       IS DISTINCT FROM
       (OLD.id, OLD.clinic_id, OLD.act_id, OLD.container_id, OLD.patient_id, OLD.plan_id, OLD.purpose_id) THEN
        RAISE EXCEPTION 'custody: who a draw is for never changes' USING ERRCODE = 'check_violation';
    END IF;
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'custody: a balance moves only with a movement' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER custody_guard_draw BEFORE INSERT OR UPDATE OR DELETE ON custody_draw
    FOR EACH ROW EXECUTE FUNCTION custody_guard_draw();
CREATE TRIGGER custody_guard_draw_all BEFORE TRUNCATE ON custody_draw
    FOR EACH STATEMENT EXECUTE FUNCTION custody_guard_draw();
"""
GUARD_BACK = """
DROP TRIGGER custody_guard_container ON custody_container;
DROP TRIGGER custody_guard_container_all ON custody_container;
DROP FUNCTION custody_guard_container();
DROP TRIGGER custody_guard_draw ON custody_draw;
DROP TRIGGER custody_guard_draw_all ON custody_draw;
DROP FUNCTION custody_guard_draw();
"""

OPENS = """
CREATE FUNCTION custody_difference_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.counted_ug <> NEW.expected_ug
       AND NOT EXISTS (SELECT 1 FROM custody_discrepancy WHERE line_id = NEW.id) THEN
        RAISE EXCEPTION 'custody: a count that differs opens a discrepancy'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER custody_difference_is_open AFTER INSERT ON custody_countline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION custody_difference_is_open();
"""
OPENS_BACK = """
DROP TRIGGER custody_difference_is_open ON custody_countline;
DROP FUNCTION custody_difference_is_open();
"""


class Migration(migrations.Migration):
    dependencies = [("custody", "0001_initial")]

    operations = [
        migrations.RunSQL(POST, POST_BACK),
        migrations.RunSQL(GUARD, GUARD_BACK),
        migrations.RunSQL(OPENS, OPENS_BACK),
        *(
            same_clinic(child=child, column=column, parent=parent)
            for child, column, parent in (
                ("custody_act", "by_id", "people_staff"),
                ("custody_act", "witness_id", "people_staff"),
                ("custody_container", "product_id", "custody_product"),
                ("custody_draw", "act_id", "custody_act"),
                ("custody_draw", "container_id", "custody_container"),
                ("custody_draw", "patient_id", "people_patient"),
                ("custody_draw", "plan_id", "plan_plan"),
                ("custody_account", "container_id", "custody_container"),
                ("custody_account", "draw_id", "custody_draw"),
                ("custody_movement", "act_id", "custody_act"),
                ("custody_movement", "source_id", "custody_account"),
                ("custody_movement", "target_id", "custody_account"),
                ("custody_count", "act_id", "custody_act"),
                ("custody_countline", "count_id", "custody_count"),
                ("custody_countline", "container_id", "custody_container"),
                ("custody_discrepancy", "line_id", "custody_countline"),
                ("custody_discrepancy", "owner_id", "people_staff"),
            )
        ),
    ]
