"""Documents to write: one as a gate makes it, with everything that a document can have, and one of hostile texts."""

from poolproof.reports.document import (
    Change,
    Column,
    Document,
    Finding,
    Row,
    Step,
    Table,
    Trace,
    Where,
)

HOSTILE = (
    'a|b `code` ``` *b* _i_ ~~s~~ <img src=x onerror="document.title=1"> </script><script>document.title=1</script>'
    " ]]> &amp; {0} [l](https://evil.example) https://evil.example www.evil.example a@evil.example @everyone #1 GH-1"
    " :smile: $x$ \\| # h\r\n\r\n## second\u2028line\x00\x1b[31m\x08\ufffe\ud800\u202eend"
)
"""What a name, a path or a message must not be able to do."""

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><style>text{fill:#333}</style>'
    '<rect width="60" height="20" fill="#eee"/><text x="4" y="14">A to B</text></svg>'
)

CHANGES = Table(
    "Changes",
    (
        Column("path"),
        Column("kind"),
        Column("old", "right"),
        Column("new", "right"),
        Column("line", "right"),
        Column("safe range"),
        Column("verdict"),
        Column("reason"),
    ),
    (
        Row(
            (
                "pools[A].markets[X].supply_cap",
                "changed",
                "1,000 X",
                "5,000 X",
                "17",
                "[0, 4,200 X], CAP-2",
                "CLOSED",
                "above",
            ),
            "bad",
        ),
        Row(
            ("pools[A].markets[X].ltv", "changed", "80 %", "75 %", "15", "[0 %, 85 %], SOLV-5", "OPEN", "exact"), "good"
        ),
        Row(("pools[B]", "added", "", "1 market", "40", "", "OPEN", "only sufficient")),
    ),
    anchor="changes",
    note="A safe range says what the other values of the head admit.",
)
POLICIES = Table(
    "Policy",
    (Column("rule"), Column("path"), Column("limit", "right"), Column("value", "right")),
    (Row(("most utilisation", "pools[A].markets[X]", "90 %", "95 %"), "bad"),),
    anchor="policy",
)
CONTAGION = Table(
    "Contagion",
    (Column("pool"), Column("base", "right"), Column("head", "right")),
    (Row(("A", "10 X", "12 X")), Row(("B", "0 X", "0 X"), "good")),
)

TRACE = Trace(
    "the initial state",
    (
        (
            Step(
                "alice deposits 5,000 X",
                (Change("X", "cash", "0 X", "5,000 X"), Change("", "now", "0", "1")),
                where=Where("protocols/a b.toml", 17),
            ),
            Step("bob borrows 9,000 X", note="refused, CashShort: 9,000 exceeds 5,000"),
        ),
        (),
    ),
    '"the cap holds" does not hold in market "X"',
    (Change("", "cash", "0 X", "5,000 X"), Change("", "supply_cap", "", "4,200 X")),
)

GATE = Document(
    title="poolproof gate shop",
    command="gate",
    line="poolproof gate base.toml 'protocols/a b.toml'",
    subject="shop",
    subject_title="A shop of two pools",
    version="0.0.1",
    ok=False,
    exit_code=1,
    verdict="CLOSED",
    headline="1 of 3 changes is not safe",
    seconds=1.5,
    findings=(
        Finding(
            "CAP-2",
            "a supply never exceeds its cap",
            "REFUTED",
            "error",
            message="5,000 X is above 4,200 X",
            about="pools[A].markets[X].supply_cap",
            where=Where("protocols/a b.toml", 17),
            trace=TRACE,
            seconds=0.25,
            engine="search",
            details=("deposit REFUTED: the cap is asked too late",),
            why="who is late cannot leave",
            formal="def the_cap_holds(market):\n    return market.supplied <= market.supply_cap",
        ),
        Finding("CAP-2", "a supply never exceeds its cap", "PROVED", "none", about="pools[B]", engine="prove"),
        Finding("SOLV-5", "no cliff", "UNKNOWN", "warning", message="the budget was used up", seconds=1.0),
        Finding(
            "RND-1",
            "each conversion rounds for the pool",
            "REFUTED",
            "error",
            message="by one unit",
            accepted="one unit is nothing",
            where=Where("/elsewhere/é.toml", 3),
        ),
        Finding("LIQ-1", "only unhealthy", "HOLDS_TO_DEPTH(4)", "warning"),
        Finding("joint", "all changes together", "CLOSED", "error", message="A and B are fine alone and not together"),
    ),
    tables=(CHANGES, POLICIES, CONTAGION),
    assumptions=("prices are positive (all)",),
    lemmas=("CONS-2 (in 3)",),
    scope=("gas is left out",),
    accepted=("RND-1 is accepted: one unit is nothing",),
    notes=("the cache was rebuilt",),
    picture_svg=PICTURE,
    picture_title="Who lends to whom",
)


def hostile() -> Document:
    """A document in which every text that can come from a stranger is hostile."""
    step = Step(HOSTILE, (Change(HOSTILE, HOSTILE, HOSTILE, HOSTILE),), HOSTILE, Where(HOSTILE, 2))
    trace = Trace(HOSTILE, ((step,), ()), HOSTILE, (Change(HOSTILE, HOSTILE, HOSTILE, HOSTILE),))
    finding = Finding(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        "error",
        HOSTILE,
        HOSTILE,
        where=Where(HOSTILE, 1),
        trace=trace,
        engine=HOSTILE,
        details=(HOSTILE,),
        why=HOSTILE,
        formal=HOSTILE,
    )
    accepted = Finding(HOSTILE, HOSTILE, HOSTILE, "warning", accepted=HOSTILE, trace=trace, where=Where("/" + HOSTILE))
    table = Table(HOSTILE, (Column(HOSTILE), Column(HOSTILE, "right")), (Row((HOSTILE, HOSTILE), "bad"),), "t", HOSTILE)
    return Document(
        title=HOSTILE,
        command=HOSTILE,
        line=HOSTILE,
        subject=HOSTILE,
        ok=False,
        exit_code=1,
        verdict=HOSTILE,
        headline=HOSTILE,
        subject_title=HOSTILE,
        version=HOSTILE,
        findings=(finding, accepted),
        tables=(table,),
        assumptions=(HOSTILE,),
        lemmas=(HOSTILE,),
        scope=(HOSTILE,),
        accepted=(HOSTILE,),
        notes=(HOSTILE,),
        picture_svg=PICTURE,
        picture_title=HOSTILE,
        unfinished=HOSTILE,
    )
