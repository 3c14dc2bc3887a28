"""The test half: these notices are for the score alone; do not read them to write a prompt."""

from __future__ import annotations

from bench.notices.layout import Layout, labelled
from bench.notices.loss import Loss, Vocabulary

VOCABULARY = Vocabulary(
    insureds=(
        "Margaret Ellison",
        "Tobias Krueger",
        "Anthony and Rosa DiNapoli",
        "Bluewater Marina Inc.",
        "Fatima Haddad",
        "Redwood Veterinary Clinic",
        "Jerome Whitaker",
        "Sunrise Bakery and Cafe LLC",
        "Ingrid Solberg",
        "Marcus Bell",
    ),
    others=("Colleen Burke", "Victor Amadi", "Leslie Tran", "Roy Hutchins", "Simone Archer"),
    carriers=(
        "Granite Peak Insurance",
        "Commonwealth Fidelity",
        "Pelican Coast Assurance",
        "Tri-Lakes Mutual",
    ),
    places=(
        "3325 Wisteria Drive, Savannah, GA 31405",
        "418 Pine Hollow Lane, Bend, OR 97701",
        "Route 9 near the Shell station, Poughkeepsie, NY",
        "56 Wharf Road, Gloucester, MA 01930",
        "Elm Street and 4th Avenue, Fargo, ND",
        "7700 Mesa Verde Boulevard, Tucson, AZ 85710",
    ),
    causes=(
        ("Fire", "An overloaded outlet started a fire behind the washing machine."),
        ("Water", "A pipe under the sink broke and flooded the lower level."),
        ("Wind", "A windstorm tore shingles off the roof and brought down the carport."),
        ("Hail", "Hail broke the skylight and pitted the siding on the west wall."),
        ("Theft", "Thieves forced the back door and stole two laptops and the cash box."),
        ("Vandalism", "Vandals sprayed paint on the front wall and smashed the sign."),
        ("Collision", "A delivery van backed into the parked vehicle; it was a collision."),
    ),
    policy_forms=("HO 9999999", "A99.999.99", "999999-99A", "CP99999A"),
    claim_forms=("99AA999999", "C 999 999 99", "CL999999-25"),
    report_forms=("99-9999-A", "CR2599999", "I-999999"),
    phone_form="999.555.0199",
)


def _dotted(loss: Loss) -> str:
    """Set a faxed form in capitals, with dots up to the value."""
    rows = [
        ("ASSURED", loss.insured),
        ("POLICY NO", loss.policy),
        ("CARRIER FILE NO", loss.reference),
        ("CLAIM NO", loss.claim),
        ("DATE OF OCCURRENCE", f"{loss.day:%m/%d/%Y}"),
        ("DATE OF NOTICE", f"{loss.reported:%m/%d/%Y}"),
        ("PLACE OF OCCURRENCE", loss.place),
        ("TYPE OF LOSS", loss.cause.upper()),
        ("PERSONS INJURED", {True: "YES", False: "NO", None: None}[loss.injured]),
        ("ESTIMATE OF DAMAGE", None if loss.dollars is None else f"${loss.dollars:,}"),
        ("POLICE REPORT NO", loss.report),
        ("TAKEN BY", loss.agent),
        ("CALLBACK", loss.phone),
    ]
    told = labelled(rows, " ........ ")
    return f"{loss.carrier.upper()}\nPROPERTY AND CASUALTY LOSS REPORT\n\n{told}\n\n{loss.story}\n"


def _mail(loss: Loss) -> str:
    """Set an e-mail of an agent who writes about a customer."""
    lines = [
        f"Please set up a new loss for our customer {loss.insured}, policy {loss.policy}.",
        f"It happened on {loss.day.day} {loss.day:%B %Y}. Address of the loss: {loss.place}.",
        loss.story,
        {
            True: "There were injuries.",
            False: "There were no injuries.",
            None: "",
        }[loss.injured],
        "" if loss.dollars is None else f"The contractor's estimate is ${loss.dollars:,}.00.",
        "" if loss.report is None else f"Police report {loss.report} was filed.",
        "" if loss.claim is None else f"Our system shows claim {loss.claim}.",
    ]
    body = "\n".join(filter(None, lines))
    return (
        f"From: {loss.agent}\nSent: {loss.reported:%m/%d/%Y}\nTo: claims, {loss.carrier}\n"
        f"Subject: new loss, our reference {loss.reference}\n\n{body}\n\n"
        f"{loss.agent}\n{loss.phone}\n"
    )


def _numbered(loss: Loss) -> str:
    """Set a numbered questionnaire; what is not known is left blank."""
    answers = [
        ("Name of policyholder", loss.insured),
        ("Policy", loss.policy),
        ("When did the loss occur", f"{loss.day:%B} {loss.day.day}, {loss.day.year}"),
        ("Where did the loss occur", loss.place),
        ("What caused the loss", f"{loss.cause}. {loss.story}"),
        ("Was anyone hurt", {True: "Yes", False: "No", None: ""}[loss.injured]),
        ("Estimated cost of repair", "" if loss.dollars is None else f"${loss.dollars:,}.00"),
        ("Police report number", loss.report or ""),
        ("Claim number, if assigned", loss.claim or ""),
        ("Completed by", loss.agent),
    ]
    lines = [f"{n}. {label}: {answer}".rstrip() for n, (label, answer) in enumerate(answers, 1)]
    return "\n".join([f"{loss.carrier} - Loss questionnaire {loss.reference}", "", *lines, ""])


def _memo(loss: Loss) -> str:
    """Set a note of a telephone call, with a head of labels and a body of sentences."""
    head = labelled(
        [
            ("Policyholder", loss.insured),
            ("Policy no.", loss.policy),
            ("Our ref.", loss.reference),
            ("Claim no.", loss.claim),
            ("Call taken", f"{loss.reported:%Y-%m-%d} by {loss.agent}"),
        ]
    )
    body = [
        f"Caller reports that on {loss.day:%Y-%m-%d} there was a {loss.cause.lower()} loss.",
        loss.story,
        f"Loss location is {loss.place}.",
        {True: "Injuries: yes.", False: "Injuries: no.", None: ""}[loss.injured],
        "" if loss.dollars is None else f"Estimated loss ${loss.dollars:,}.",
        "" if loss.report is None else f"Police report no. {loss.report}.",
        f"Call back at {loss.phone}.",
    ]
    return (
        f"{loss.carrier}\nTELEPHONE LOSS NOTE\n\n{head}\n\n" + " ".join(filter(None, body)) + "\n"
    )


LAYOUTS: tuple[Layout, ...] = (_dotted, _mail, _numbered, _memo)
