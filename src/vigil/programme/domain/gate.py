"""The gate before a dose: what must hold, item by item. Pure.

In: `GateFacts`. Out: the items, each met, not met or unknown. Only a gate whose every item is met is ready:
an unknown blocks as a no does (INV-PRO-01).
"""

from collections.abc import Sequence

from vigil.programme.domain.facts import GateFacts, GateItem
from vigil.units.amounts import show_mg


def decide_gate(facts: GateFacts) -> tuple[GateItem, ...]:
    """Every item of the gate, in the order in which a nurse can settle them."""
    return (
        _claim("PRO-PLAN", facts.is_plan_newest, "The plan is the newest one that was signed",
               "Check the patient in with the newest signed plan.", "plan"),
        _claim("PRO-ADOPTED", facts.is_protocol_adopted, "The clinic has adopted the protocol",
               "A prescriber adopts the protocol.", "plan"),
        _claim("PRO-PROTOCOL", facts.is_protocol_unchanged, "The protocol is the one that was signed for",
               "The protocol has changed since: sign the plan again.", "plan"),
        _claim("PRO-ASSESSMENT", facts.is_assessment_eligible, "The assessment says eligible",
               "A prescriber completes the assessment.", "assessment"),
        _claim("PRO-CONSENT", facts.is_consented, "Consent stands",
               "Record the patient's consent.", "consent"),
        _interval(facts),
        _count(facts),
        _weight_age(facts),
        _weight_change(facts),
        _pressure(facts),
        _fasting("PRO-FOOD", "food", facts.food_minutes, facts.food_minutes_needed),
        _fasting("PRO-DRINK", "drink", facts.drink_minutes, facts.drink_minutes_needed),
        _claim("PRO-ESCORT", bool(facts.escort_name.strip()) or None, "An escort is named",
               "Ask who takes the patient home.", "check-in"),
        _claim("PRO-PRESCRIBER", facts.is_prescriber_on_site, "A prescriber is on site",
               "Ask a prescriber to come and sign in as present.", "presence"),
        _claim("PRO-DAY", facts.is_day_open, "The safe is open for the day",
               "Count the safe.", "custody"),
        _draw(facts),
        _claim("PRO-GIVE", facts.has_give_duty, "The person who starts holds the duty to give",
               "Ask a nurse who holds it.", "duties"),
    )  # fmt: skip


def is_ready(items: Sequence[GateItem]) -> bool:
    """Whether every item is met."""
    return all(item.is_met is True for item in items)


def _claim(code: str, is_met: bool | None, text: str, to_do: str, source: str) -> GateItem:
    return GateItem(
        code=code, text=text, is_met=is_met, waits_for="" if is_met else to_do, source=source
    )


def _interval(facts: GateFacts) -> GateItem:
    text = f"At least {facts.interval_hours} h since the last dose"
    if facts.is_first_session:
        return _claim("PRO-INTERVAL", True, text, "", "sessions")
    met = None if facts.hours_since_last is None else facts.hours_since_last >= facts.interval_hours
    return _claim("PRO-INTERVAL", met, text, "It is too soon: choose a later time.", "sessions")


def _count(facts: GateFacts) -> GateItem:
    text = f"The plan's {facts.sessions_planned} sessions are not used up"
    met = None if facts.sessions_done is None else facts.sessions_done < facts.sessions_planned
    return _claim("PRO-COUNT", met, text, "Review the plan with the prescriber.", "sessions")


def _weight_age(facts: GateFacts) -> GateItem:
    text = f"Weight measured within {facts.weight_age_hours_max} h"
    met = (
        None
        if facts.weight_age_hours is None
        else 0 <= facts.weight_age_hours < facts.weight_age_hours_max
    )
    return _claim("PRO-WEIGHT", met, text, "Weigh the patient again.", "check-in")


def _weight_change(facts: GateFacts) -> GateItem:
    text = "A weight change of more than 10 % was looked at twice"
    met: bool | None = None
    if facts.is_weight_change_large is False:
        met = True
    elif facts.is_weight_change_large is True:
        met = facts.is_weight_confirmed
    to_do = "Weigh again and confirm the weight at check-in."
    return _claim("PRO-WEIGHT-CHANGE", met, text, to_do, "check-in")


def _pressure(facts: GateFacts) -> GateItem:
    if facts.sbp_defer is None or facts.dbp_defer is None:
        text = "Pressure before the dose"
    else:
        text = f"Pressure before the dose below {facts.sbp_defer}/{facts.dbp_defer}"
    if facts.sbp is None or facts.dbp is None:
        return _claim("PRO-PRESSURE", None, text, "Take the pressure.", "session")
    text = f"{text} (it is {facts.sbp}/{facts.dbp})"
    if facts.sbp >= facts.sbp_review or facts.dbp >= facts.dbp_review:
        text += f". From {facts.sbp_review}/{facts.dbp_review} a prescriber weighs the risk"
    is_too_high = (facts.sbp_defer is not None and facts.sbp >= facts.sbp_defer) or (
        facts.dbp_defer is not None and facts.dbp >= facts.dbp_defer
    )
    to_do = "Wait and take it again, or put the session off."
    return _claim("PRO-PRESSURE", not is_too_high, text, to_do, "session")


def _fasting(code: str, what: str, minutes: int | None, needed: int) -> GateItem:
    met = None if minutes is None else minutes >= needed
    to_do = f"Ask about the last {what}." if minutes is None else f"Wait {needed - minutes} min."
    return _claim(code, met, f"No {what} for {needed} min", to_do, "check-in")


def _draw(facts: GateFacts) -> GateItem:
    dose = "the dose" if facts.dose_ug is None else f"the dose, {show_mg(facts.dose_ug)}"
    known = facts.dose_ug is not None and facts.in_syringe_ug is not None
    met = facts.dose_ug == facts.in_syringe_ug if known else None
    held = "" if facts.in_syringe_ug is None else f" {show_mg(facts.in_syringe_ug)} is drawn."
    return _claim("PRO-DRAW", met, f"What is drawn is {dose}", f"Draw {dose}.{held}", "custody")
