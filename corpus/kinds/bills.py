"""Bills: for treatment, and for the repair of a vehicle."""

from __future__ import annotations

from corpus.draw import Draw
from corpus.record import Grid, Record


def medical_bill(draw: Draw) -> Record:
    """Draw a bill for treatment, with its services."""
    day = draw.day()
    services = draw.dice.sample(draw.words.services, draw.dice.randint(2, 4))
    charged = draw.dice.randint(10, 160) * 25
    provider = draw.joined(draw.words.providers)
    return Record(
        kind="medical_bill",
        task="medical-bill",
        fields={
            "patient_name": draw.person(),
            "provider_name": provider,
            "account_number": draw.number("account"),
            "bill_date": draw.written(day),
            "total_charges": draw.amount_form.format(charged),
            "amount_due": draw.amount_form.format(
                charged - draw.dice.randint(1, charged // 25) * 5
            ),
            "due_date": draw.written(draw.later(day)),
        },
        extras={"phone": draw.number("phone"), "reference": draw.number("reference")},
        letterhead=provider,
        grid=Grid(
            ("Date", "Service", "Charge"),
            [(draw.written(draw.day()), service, draw.money(1, 30)) for service in services],
        ),
        more_truth={"document-class": {"kind": "medical_bill"}},
    )


def repair_estimate(draw: Draw) -> Record:
    """Draw a body shop's estimate, with its lines."""
    shop = draw.joined(draw.words.companies)
    repairs = draw.dice.sample(draw.words.repairs, draw.dice.randint(2, 6))
    return Record(
        kind="repair_estimate",
        task="repair-estimate",
        fields={
            "shop_name": shop,
            "owner_name": draw.person(),
            "vehicle": draw.joined(draw.words.vehicles),
            "vin": draw.number("vin"),
            "claim_number": draw.number("claim"),
            "estimate_date": draw.written(draw.day()),
            "total_estimate": draw.money(20, 300),
        },
        extras={"phone": draw.number("phone")},
        letterhead=shop,
        grid=Grid(
            ("Line", "Work", "Hours", "Price"),
            [
                (str(number), repair, f"{draw.dice.randint(2, 60) / 10}", draw.money(1, 30))
                for number, repair in enumerate(repairs, 1)
            ],
        ),
        more_truth={"document-class": {"kind": "other"}},
    )
