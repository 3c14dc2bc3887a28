"""The training half: prompts are written on these notices, and no score is told of them."""

from __future__ import annotations

from bench.notices.layout import Layout, day_in_words, dollars, labelled, yes_or_no
from bench.notices.loss import Loss, Vocabulary

VOCABULARY = Vocabulary(
    insureds=(
        "Priya Raman",
        "George and Helen Whitfield",
        "Oakline Furniture Co.",
        "Samuel Ortega",
        "Lakeshore Dental Group PLLC",
        "Chen Wei",
    ),
    others=("Dana Fitch", "Paul Novak", "Renee Castellano", "Howard Lin"),
    carriers=("Summit Ridge Mutual", "Old Harbor Casualty", "Prairie States Insurance"),
    places=(
        "1180 Delmar Avenue, Topeka, KS 66604",
        "Interstate 35 at exit 202, Austin, TX",
        "27 Orchard Street, Nashua, NH 03060",
        "parking lot of 900 Grand Avenue, Des Moines, IA",
    ),
    causes=(
        ("Fire", "A grease fire in the kitchen spread to the cabinets and the ceiling."),
        ("Water", "The water heater leaked overnight and soaked the floor of two rooms."),
        ("Hail", "Hailstones the size of golf balls dented the roof and broke two windows."),
        ("Collision", "Another car ran a stop sign and hit the driver's side door."),
        ("Theft", "Somebody broke the lock of the shed and took tools and a generator."),
    ),
    policy_forms=("AA-9999999", "AA9 9999-9999", "99-AA-999999"),
    claim_forms=("AA-2025-99999", "99-9999999"),
    report_forms=("PD-25-99999", "2025-99999"),
    phone_form="(999) 555-0199",
)


def _form(loss: Loss) -> str:
    """Set a printed form: labels and values, line by line."""
    rows = [
        ("Carrier reference", loss.reference),
        ("Insured", loss.insured),
        ("Policy number", loss.policy),
        ("Claim number", loss.claim),
        ("Phone", loss.phone),
        ("Date of loss", f"{loss.day:%m/%d/%Y}"),
        ("Date reported", f"{loss.reported:%m/%d/%Y}"),
        ("Location of loss", loss.place),
        ("Cause of loss", loss.cause),
        ("Injuries", yes_or_no(loss.injured)),
        ("Estimated loss", dollars(loss.dollars)),
        ("Police report number", loss.report),
        ("Agent", loss.agent),
    ]
    return f"{loss.carrier}\nNOTICE OF LOSS\n\n{labelled(rows)}\n\n{loss.story}\n"


def _letter(loss: Loss) -> str:
    """Set a letter: sentences, and no labels."""
    sentences = [
        f"I report a loss under policy {loss.policy}.",
        f"On {day_in_words(loss.day)} the following happened at {loss.place}. {loss.story}",
        "" if loss.report is None else f"The police gave us report number {loss.report}.",
        {True: "One person was hurt.", False: "Nobody was hurt.", None: ""}[loss.injured],
        "" if loss.dollars is None else f"We put the damage at {dollars(loss.dollars)}.",
        "" if loss.claim is None else f"Your office opened claim {loss.claim} by telephone.",
    ]
    body = "\n".join(filter(None, sentences))
    return (
        f"To: {loss.carrier}, Claims\nAttention: {loss.agent}\n{day_in_words(loss.reported)}\n\n"
        f"{body}\n\nSincerely,\n{loss.insured}\n{loss.phone}\n"
    )


def _screen(loss: Loss) -> str:
    """Set the print of a screen: short labels, two to a line."""
    rows = [
        ("File", loss.reference),
        ("Insurer", loss.carrier),
        ("Named insured", loss.insured),
        ("Policy", loss.policy),
        ("Claim", loss.claim),
        ("Loss date", f"{loss.day:%Y-%m-%d}"),
        ("Entered", f"{loss.reported:%Y-%m-%d}"),
        ("Where", loss.place),
        ("Peril", loss.cause),
        ("Anyone injured", yes_or_no(loss.injured)),
        ("Amount estimated", dollars(loss.dollars)),
        ("Police report", loss.report),
    ]
    lines = labelled(rows).splitlines()
    pairs = [" | ".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]
    return "\n".join(["FNOL INTAKE", *pairs, f"Notes: {loss.story}", f"Handler: {loss.agent}", ""])


LAYOUTS: tuple[Layout, ...] = (_form, _letter, _screen)
