"""Guards of the wider ledger: more ways, corrections as pairs, places, claims; what the first guards missed.

Functions are replaced, never dropped: an older program beside this schema meets the same and stricter guards.
"""

from django.db import migrations

from vigil.record.schema import same_clinic

# Balances move once for a statement, by its net: a correction's pair never stands half done.
POST = """
CREATE OR REPLACE FUNCTION custody_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    source custody_account;
    target custody_account;
    act_kind text;
BEGIN
    SELECT * INTO STRICT source FROM custody_account WHERE id = NEW.source_id;
    SELECT * INTO STRICT target FROM custody_account WHERE id = NEW.target_id;
    SELECT kind INTO act_kind FROM custody_act WHERE id = NEW.act_id;
    IF (source.kind, target.kind) NOT IN (
        ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
        ('container', 'returned'), ('container', 'distributor'), ('container', 'loss'),
        ('draw', 'patient'), ('draw', 'waste'), ('draw', 'loss'), ('draw', 'container')
    ) AND NOT (act_kind = 'corrected' AND (target.kind, source.kind) IN (
        ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
        ('container', 'returned'), ('container', 'distributor'), ('container', 'loss'),
        ('draw', 'patient'), ('draw', 'waste'), ('draw', 'loss')
    )) THEN
        RAISE EXCEPTION 'custody: drug does not move from % to %', source.kind, target.kind
            USING ERRCODE = 'check_violation';
    END IF;
    IF source.kind = 'container' AND target.kind = 'draw' OR source.kind = 'draw' AND target.kind = 'container' THEN
        IF NOT EXISTS (
            SELECT 1 FROM custody_draw
            WHERE id = coalesce(source.draw_id, target.draw_id)
              AND container_id = coalesce(source.container_id, target.container_id)
        ) THEN
            RAISE EXCEPTION 'custody: a draw belongs to its own container' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF act_kind <> 'corrected' THEN
        IF source.kind = 'draw' AND target.kind <> 'patient'
           AND EXISTS (SELECT 1 FROM custody_draw WHERE id = source.draw_id AND is_in_use) THEN
            RAISE EXCEPTION 'custody: a draw in use is only given' USING ERRCODE = 'check_violation';
        END IF;
        IF source.kind = 'container' AND target.kind = 'draw' AND EXISTS (
            SELECT 1 FROM custody_container c LEFT JOIN custody_place p ON p.id = c.place_id
            WHERE c.id = source.container_id
              AND (c.is_held OR c.transfer_id IS NOT NULL OR p.kind = 'quarantine')
        ) THEN
            RAISE EXCEPTION 'custody: nothing is drawn from what is set aside or on the way'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION custody_post_net() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custody_container c SET remaining_ug = c.remaining_ug + d.ug
    FROM (
        SELECT account_id, sum(ug) AS ug FROM (
            SELECT target_id AS account_id, ug FROM fresh
            UNION ALL SELECT source_id, -ug FROM fresh
        ) both_sides GROUP BY account_id
    ) d
    WHERE c.id = d.account_id AND d.ug <> 0;
    UPDATE custody_draw w SET
        drawn_ug = w.drawn_ug + d.drawn,
        given_ug = w.given_ug + d.given,
        wasted_ug = w.wasted_ug + d.wasted,
        lost_ug = w.lost_ug + d.lost,
        returned_ug = w.returned_ug + d.returned,
        remaining_ug = w.remaining_ug + d.drawn - d.given - d.wasted - d.lost - d.returned
    FROM (
        SELECT draw_id,
            coalesce(sum(ug) FILTER (WHERE other = 'patient'), 0) AS given,
            coalesce(sum(ug) FILTER (WHERE other = 'waste'), 0) AS wasted,
            coalesce(sum(ug) FILTER (WHERE other = 'loss'), 0) AS lost,
            coalesce(sum(ug) FILTER (WHERE other = 'container' AND NOT is_drawn), 0) AS returned,
            coalesce(sum(-ug) FILTER (WHERE is_drawn), 0) AS drawn
        FROM (
            SELECT s.draw_id, t.kind AS other, f.ug,
                   t.kind = 'container' AND a.kind = 'corrected' AS is_drawn
            FROM fresh f
            JOIN custody_account s ON s.id = f.source_id AND s.kind = 'draw'
            JOIN custody_account t ON t.id = f.target_id
            JOIN custody_act a ON a.id = f.act_id
            UNION ALL
            SELECT t.draw_id, s.kind, -f.ug, s.kind = 'container'
            FROM fresh f
            JOIN custody_account t ON t.id = f.target_id AND t.kind = 'draw'
            JOIN custody_account s ON s.id = f.source_id
        ) sides GROUP BY draw_id
    ) d
    WHERE w.id = d.draw_id;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_post_net AFTER INSERT ON custody_movement
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION custody_post_net();
"""

GUARD = """
CREATE OR REPLACE FUNCTION custody_guard_container() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'custody: a container is never deleted' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.remaining_ug <> 0 THEN
            RAISE EXCEPTION 'custody: a container starts at zero; a movement fills it'
                USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.place_id IS NOT NULL OR NEW.transfer_id IS NOT NULL THEN
            RAISE EXCEPTION 'custody: a container starts in the safe; a transfer moves it'
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
    IF (NEW.place_id, NEW.transfer_id) IS DISTINCT FROM (OLD.place_id, OLD.transfer_id)
       AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'custody: a place changes only with a transfer' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""

PLACES = """
CREATE FUNCTION custody_place_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held custody_container;
BEGIN
    SELECT * INTO STRICT held FROM custody_container WHERE id = NEW.container_id FOR NO KEY UPDATE;
    IF NEW.transfer_id IS NOT NULL AND held.transfer_id IS NOT NULL THEN
        RAISE EXCEPTION 'custody: the container is on the way already' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.transfer_id IS NULL AND NOT EXISTS (
        SELECT 1 FROM custody_transfer t JOIN custody_arrival a ON a.transfer_id = t.id
        WHERE t.id = held.transfer_id AND a.act_id = NEW.act_id
          AND t.target_id IS NOT DISTINCT FROM NEW.place_id
    ) THEN
        RAISE EXCEPTION 'custody: a container comes to a place only by its transfer'
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE custody_container SET place_id = NEW.place_id, transfer_id = NEW.transfer_id
        WHERE id = NEW.container_id;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_place_moves AFTER INSERT ON custody_placement
    FOR EACH ROW EXECUTE FUNCTION custody_place_moves();

CREATE FUNCTION custody_arrival_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM custody_transfer t
        JOIN custody_act sent ON sent.id = t.act_id
        JOIN custody_act come ON come.id = NEW.act_id
        WHERE t.id = NEW.transfer_id AND sent.by_id = come.by_id
    ) THEN
        RAISE EXCEPTION 'custody: who sent a transfer does not receive it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_arrival_by_another AFTER INSERT ON custody_arrival
    FOR EACH ROW EXECUTE FUNCTION custody_arrival_by_another();

CREATE FUNCTION custody_arrives_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM custody_container WHERE transfer_id = NEW.transfer_id) THEN
        RAISE EXCEPTION 'custody: a transfer is received whole' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER custody_arrives_whole AFTER INSERT ON custody_arrival
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION custody_arrives_whole();
"""

DRAWS = """
CREATE FUNCTION custody_draw_of_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM plan_plan WHERE id = NEW.plan_id AND patient_id = NEW.patient_id) THEN
        RAISE EXCEPTION 'custody: the plan of a draw is the plan of its patient'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_draw_of_plan AFTER INSERT ON custody_draw
    FOR EACH ROW EXECUTE FUNCTION custody_draw_of_plan();

CREATE FUNCTION custody_dilutes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custody_draw SET diluted_to_ul = NEW.to_volume_ul WHERE id = NEW.draw_id;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_dilutes AFTER INSERT ON custody_dilution
    FOR EACH ROW EXECUTE FUNCTION custody_dilutes();

CREATE FUNCTION custody_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custody_draw SET is_in_use = NEW.is_in_use
        WHERE id = NEW.draw_id AND is_in_use <> NEW.is_in_use;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'custody: a claim changes whether a draw is in use' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER custody_claims AFTER INSERT ON custody_use
    FOR EACH ROW EXECUTE FUNCTION custody_claims();
"""

CORRECTIONS = """
CREATE FUNCTION custody_correction_is_a_pair() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    pair custody_correction;
    booked bigint;
    back bigint;
    forth bigint;
BEGIN
    SELECT * INTO pair FROM custody_correction WHERE act_id = NEW.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'custody: a correction names the act it corrects' USING ERRCODE = 'check_violation';
    END IF;
    IF pair.corrects_id >= NEW.id THEN
        RAISE EXCEPTION 'custody: a correction comes after what it corrects' USING ERRCODE = 'check_violation';
    END IF;
    -- What the corrected act moved on this container and draw; a correction's own right half when it is one.
    SELECT coalesce(sum(m.ug), 0) INTO booked
    FROM custody_movement m
    WHERE m.act_id = pair.corrects_id
      AND (pair.container_id IN (m.source_id, m.target_id) OR pair.draw_id IN (m.source_id, m.target_id));
    SELECT is_ug INTO STRICT booked FROM (
        SELECT is_ug FROM custody_correction WHERE act_id = pair.corrects_id
        UNION ALL
        SELECT booked WHERE NOT EXISTS (SELECT 1 FROM custody_correction WHERE act_id = pair.corrects_id)
    ) known;
    SELECT coalesce(sum(m.ug) FILTER (WHERE (s.kind, t.kind) NOT IN (
               ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
               ('container', 'returned'), ('container', 'distributor'), ('container', 'loss'),
               ('draw', 'patient'), ('draw', 'waste'), ('draw', 'loss'))), 0),
           coalesce(sum(m.ug) FILTER (WHERE (s.kind, t.kind) IN (
               ('supplier', 'container'), ('container', 'draw'), ('container', 'waste'),
               ('container', 'returned'), ('container', 'distributor'), ('container', 'loss'),
               ('draw', 'patient'), ('draw', 'waste'), ('draw', 'loss'))), 0)
    INTO back, forth
    FROM custody_movement m
    JOIN custody_account s ON s.id = m.source_id
    JOIN custody_account t ON t.id = m.target_id
    WHERE m.act_id = NEW.id;
    IF (back, forth) IS DISTINCT FROM (pair.was_ug::bigint, pair.is_ug::bigint) OR pair.was_ug <> booked THEN
        RAISE EXCEPTION 'custody: a correction takes back what was booked and books what is right'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER custody_correction_is_a_pair AFTER INSERT ON custody_act
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'corrected') EXECUTE FUNCTION custody_correction_is_a_pair();
"""

CHANGES = """
CREATE VIEW custody_change AS
    SELECT id AS movement_id, target_id AS account_id, ug, act_id, clinic_id FROM custody_movement
    UNION ALL
    SELECT id, source_id, -ug, act_id, clinic_id FROM custody_movement;
"""

NOTHING = "SELECT 1"
"""Back is not offered: the tables of 0004 go, and their triggers with them; functions stay unused."""


class Migration(migrations.Migration):
    dependencies = [("custody", "0005_append_only"), ("plan", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(sql, NOTHING)
            for sql in (POST, GUARD, PLACES, DRAWS, CORRECTIONS, CHANGES)
        ),
        *(
            same_clinic(child=f"custody_{child}", column=column, parent=parent)
            for child, column, parent in (
                ("container", "place_id", "custody_place"),
                ("container", "transfer_id", "custody_transfer"),
                ("order", "act_id", "custody_act"),
                ("order", "product_id", "custody_product"),
                ("delivery", "act_id", "custody_act"),
                ("delivery", "order_id", "custody_order"),
                ("place", "act_id", "custody_act"),
                ("transfer", "act_id", "custody_act"),
                ("transfer", "target_id", "custody_place"),
                ("arrival", "act_id", "custody_act"),
                ("arrival", "transfer_id", "custody_transfer"),
                ("placement", "act_id", "custody_act"),
                ("placement", "container_id", "custody_container"),
                ("placement", "place_id", "custody_place"),
                ("placement", "transfer_id", "custody_transfer"),
                ("dilution", "act_id", "custody_act"),
                ("dilution", "draw_id", "custody_draw"),
                ("use", "act_id", "custody_act"),
                ("use", "draw_id", "custody_draw"),
                ("deadspace", "act_id", "custody_act"),
                ("deadspace", "product_id", "custody_product"),
                ("loss", "act_id", "custody_act"),
                ("loss", "container_id", "custody_container"),
                ("loss", "draw_id", "custody_draw"),
                ("loss", "discrepancy_id", "custody_discrepancy"),
                ("correction", "act_id", "custody_act"),
                ("correction", "corrects_id", "custody_act"),
                ("correction", "container_id", "custody_container"),
                ("correction", "draw_id", "custody_draw"),
                ("closing", "act_id", "custody_act"),
                ("closing", "discrepancy_id", "custody_discrepancy"),
                ("adoption", "act_id", "custody_act"),
            )
        ),
    ]
