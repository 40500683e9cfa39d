"""Every way in which an answer may be less than it might be, and the words that say so on it.

Whoever goes on without something writes its kind's text: on a record under `degraded` or `skipped`,
or as a reason. `docs/degradation.md` is made of this catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from forecastlab.contracts.inference import (
    ANOTHER_BUNDLE,
    DISAGREES,
    MALFORMED,
    NOT_ASKED,
    REFUSED,
    STATUS,
    TIMEOUT,
    TRANSPORT,
)


@dataclass(frozen=True)
class Degradation:
    """One way of being less.

    Attributes:
        form: the text that says it; names in braces stand for what differs from case to case.
        example: such a text.
        missing: what is not there.
        answer: what answers all the same.
        remedy: what to do about it; empty where nothing is to be done.
        exit_code: of a command to which it happens.
    """

    form: str
    example: str
    missing: str
    answer: str
    remedy: str
    exit_code: int = 0

    def says(self, **facts: object) -> str:
        """Return the text, with what differs from case to case.

        >>> INSUFFICIENT_ROWS.says(rows=40, needed=48)
        'insufficient_rows(40<48)'
        """
        return self.form.format(**facts)

    @property
    def word(self) -> str:
        """What the text begins with, before what differs from case to case."""
        return self.form.partition("(")[0]


_WAIT: Final = "`forecastlab update`; a gap of the exchange itself must pass first"
_NOTHING: Final = "nothing"

SWITCHED_OFF: Final = Degradation(
    form="models: ML_ENABLED=0",
    example="models: ML_ENABLED=0",
    missing="the models were switched off",
    answer="the base rate alone; `call` is `no_view`; no members, regime or quantiles. No signal",
    remedy="take `ML_ENABLED=0` back",
)

STACK_SWITCHED_OFF: Final = Degradation(
    form="stacking: ML_ENABLE_STACKING=0",
    example="stacking: ML_ENABLE_STACKING=0",
    missing="stacks were switched off",
    answer="the equal-weight pool of the members",
    remedy="take `ML_ENABLE_STACKING=0` back",
)

NO_GPU: Final = Degradation(
    form="gpu_unavailable",
    example="gpu_unavailable",
    missing="the GPU that the job was given, or its driver",
    answer="the same models on the CPU",
    remedy="once: nothing. Every day: the job's first log lines name driver and providers",
)

REGISTRY_DAMAGED: Final = Degradation(
    form="registry: {fault}",
    example="registry: the event after number 3 is missing",
    missing="an event of the registry is corrupt, missing or out of order",
    answer="the champion of the events before it; nothing can be promoted",
    remedy="restore the registry's folder from a copy",
)

LABELS_LEFT_OUT: Final = Degradation(
    form="base_rate: not all labels since {cut_off} are at hand ({candidates})",
    example="base_rate: not all labels since 2025-09-30 are at hand (T21_X8)",
    missing="the bundle is older than its serving window, so labels between the two are unknown",
    answer="a base rate of the labels that are known",
    remedy="retrain",
)

NO_CONTEXT: Final = Degradation(
    form="context: {why}",
    example="context: missing_features(funding_z)",
    missing="an input of the regime and quantile models; or these failed a check when trained",
    answer="the forecast; with missing inputs no regime, quantiles or position scale",
    remedy=_WAIT,
)

RECORD: Final = (
    SWITCHED_OFF,
    STACK_SWITCHED_OFF,
    NO_GPU,
    REGISTRY_DAMAGED,
    LABELS_LEFT_OUT,
    NO_CONTEXT,
)
"""What `degraded` says of a record as a whole."""

MISSING_FEATURES: Final = Degradation(
    form="missing_features({columns})",
    example="missing_features(btc_ret_1, btc_ret_5)",
    missing="columns of the member's feature set at the as-of: a candle of a reference, or a gap",
    answer="the other members; pooled, if the bundle's own method needs the missing one",
    remedy=_WAIT,
)

INSUFFICIENT_ROWS: Final = Degradation(
    form="insufficient_rows({rows}<{needed})",
    example="insufficient_rows(40<48)",
    missing="rows of a network's window: as many consecutive ones as it reads, up to the as-of",
    answer="the other members; pooled, if the bundle's own method needs the missing one",
    remedy=_WAIT,
)

MISSING_COLUMNS: Final = Degradation(
    form="missing_columns({columns})",
    example="missing_columns(move_1, move_2)",
    missing="columns that a caller of `POST /predict` did not send",
    answer="the members whose columns are all there",
    remedy="send the columns that `GET /info` names",
)

MEMBERS: Final = (MISSING_FEATURES, INSUFFICIENT_ROWS, MISSING_COLUMNS)
"""Why a member is `skipped`; a record's `degraded` says the same after the member's name."""

REFERENCE_MISSING: Final = Degradation(
    form="v2_7_reference_symbol_missing({symbol})",
    example="v2_7_reference_symbol_missing(ADAUSDT)",
    missing="another symbol's candle at the as-of",
    answer="`v2_7` without it, while three others and one of BTC and ETH are there",
    remedy=_WAIT,
)

NEUTRAL_VALUES: Final = Degradation(
    form="neutral_values({columns})",
    example="neutral_values(eth_return_1h_lag, eth_return_2h_lag)",
    missing="values of columns that have a neutral one",
    answer="the version with the neutral values, each named under `missing`",
    remedy=_WAIT,
)

TOO_FEW_REFERENCES: Final = Degradation(
    form="too_few_reference_symbols({there}<{needed})",
    example="ladder: v2_7: too_few_reference_symbols(2<3)",
    missing="other symbols that `v2_7` compares with",
    answer="`v2_6`",
    remedy=_WAIT,
)

NO_LEADER: Final = Degradation(
    form="neither_{bitcoin}_nor_{ether}",
    example="ladder: v2_7: neither_BTCUSDT_nor_ETHUSDT",
    missing="both BTC and ETH, which `v2_7` compares with",
    answer="`v2_6`",
    remedy=_WAIT,
)

NO_REFERENCE: Final = Degradation(
    form="v2_7_all_reference_symbols_missing",
    example="ladder: v2_7: v2_7_all_reference_symbols_missing",
    missing="every other symbol",
    answer="`v2_6`",
    remedy=_WAIT,
)

TOO_FEW_FOUR_HOURS: Final = Degradation(
    form="too_few_4h_candles({there}<{needed})",
    example="ladder: v2_6: too_few_4h_candles(0<100)",
    missing="closed four-hour candles of the symbol, or the newest of them",
    answer="`v1`",
    remedy=_WAIT,
)

NO_BUNDLE: Final = Degradation(
    form="no_bundle_that_can_be_used",
    example="ladder: v2_6: no_bundle_that_can_be_used",
    missing="a bundle of a version in between, or one that verifies",
    answer="the next version below",
    remedy="`forecastlab bundles list`; train or import the version",
)

LADDER: Final = Degradation(
    form="ladder: {reason}",
    example="ladder: v2_7_reference_symbol_missing(ADAUSDT)",
    missing="anything of the rows above, where a lower version answers because of it",
    answer="that lower version",
    remedy=_WAIT,
)

TOO_FEW_HOURS: Final = Degradation(
    form="{symbol}: too_few_1h_candles({there}<{needed})",
    example="SOLUSDT: too_few_1h_candles(0<100)",
    missing="hours of the symbol itself, or the newest of them",
    answer=_NOTHING,
    remedy=_WAIT,
    exit_code=3,
)

NO_VERSION: Final = Degradation(
    form="{symbol}: no_version",
    example="SOLUSDT: no_version",
    missing="any version at all",
    answer=_NOTHING,
    remedy="promote a bundle of `signal_1h`",
    exit_code=3,
)

SIGNALS: Final = (
    REFERENCE_MISSING,
    NEUTRAL_VALUES,
    TOO_FEW_REFERENCES,
    NO_LEADER,
    NO_REFERENCE,
    TOO_FEW_FOUR_HOURS,
    NO_BUNDLE,
    LADDER,
    TOO_FEW_HOURS,
    NO_VERSION,
)
"""What `degraded` says of a signal, and the `reason` of one that could not be made."""

_SEE: Final = "`curl …/readyz` of the server"


def _server(kind: str, example: str, missing: str, remedy: str = _SEE) -> Degradation:
    answer = "the members here: the record is the same"
    return Degradation(f"{kind}({{why}})", example, missing, answer, remedy)


SERVER: Final[Mapping[str, Degradation]] = {
    TIMEOUT: _server(TIMEOUT, "timeout(5 s)", "a whole answer in time"),
    TRANSPORT: _server(
        TRANSPORT, "transport(ConnectionRefusedError)", "a connection that holds, or HTTP on it"
    ),
    STATUS: _server(STATUS, "status(503)", "an answer: it says 5xx, or 429"),
    MALFORMED: _server(
        MALFORMED,
        "malformed(no JSON object)",
        "JSON of the right shape and size, with each member's probability",
    ),
    DISAGREES: _server(
        DISAGREES,
        "disagrees(H12.lstm by 0.2)",
        "agreement: a probability is not the bundle's",
        "let the server verify its bundle",
    ),
    REFUSED: _server(REFUSED, "refused(401)", "leave: another 4xx, or a redirect", "see the key"),
    ANOTHER_BUNDLE: _server(
        ANOTHER_BUNDLE,
        "another_bundle(01f8818cf1a4)",
        "the same bundle, or the same columns",
        "promote the same bundle on both sides",
    ),
    NOT_ASKED: _server(
        NOT_ASKED,
        "not_asked(no row of cross)",
        "a question that the wire can hold: a feature set has no row, or there are three classes",
        "as for the skipped member",
    ),
}
"""Why the inference server's answer was not used: kind of failure -> what it is."""

BREAKER: Final = Degradation(
    form="breaker_{why_not}",
    example="breaker_open(timeout, until 2025-10-01T00:10:00Z)",
    missing="the other side, lately; it is left alone (`probing`: another run tries it just now)",
    answer="what answers without it, at once",
    remedy="mend the other side; the next probe that succeeds closes the breaker",
)

NO_KEY: Final = Degradation(
    form="local_only(no key)",
    example="local_only(no key)",
    missing="a key of a language model",
    answer="the rules; nothing is sent",
    remedy="set the key, if one is wanted",
)

BUDGET_SPENT: Final = Degradation(
    form="budget_spent({spent} {currency})",
    example="budget_spent(0.50 USD)",
    missing="money of the day's budget",
    answer="the rules",
    remedy="wait for midnight UTC, or raise `daily_budget`",
)

PRIVACY: Final = Degradation(
    form="privacy",
    example="privacy",
    missing="leave to send: the values hold something private",
    answer="the rules; nothing was sent",
    remedy="leave the field out of the request",
)

MODEL_OUTAGE: Final = Degradation(
    form="outage({why})",
    example="outage(deepseek did not answer within 12 s.)",
    missing="an answer in time, from a model that is up",
    answer="the rules",
    remedy="none, if it passes; the breaker keeps it from costing time",
)

MODEL_REFUSED: Final = Degradation(
    form="refused({why})",
    example="refused(deepseek refused with status 402.)",
    missing="leave to ask: key, balance or request",
    answer="the rules",
    remedy="see key and balance",
)

MODEL_MALFORMED: Final = Degradation(
    form="malformed({why})",
    example="malformed(the answer is no JSON.)",
    missing="an answer that can be read; it is paid all the same",
    answer="the rules",
    remedy="none, if rare; else another model or other words",
)

ANALYST: Final = (
    NO_KEY,
    BUDGET_SPENT,
    PRIVACY,
    MODEL_OUTAGE,
    MODEL_REFUSED,
    MODEL_MALFORMED,
)
"""Why the rules answered where a language model might have."""

MODEL: Final[Mapping[str, Degradation]] = {
    "outage": MODEL_OUTAGE,
    "refused": MODEL_REFUSED,
    "malformed": MODEL_MALFORMED,
}
"""The language model's kinds of failure."""

CATALOGUE: Final[Mapping[str, tuple[Degradation, ...]]] = {
    "record": RECORD,
    "member": MEMBERS,
    "signal": SIGNALS,
    "server": (*SERVER.values(), BREAKER),
    "analyst": (*ANALYST, BREAKER),
}
"""All of them, by where they are said."""

_NAMED: Final = 5
"""Columns that a text names; the first ones show which source is behind it."""


def missing_features(columns: Sequence[str]) -> str:
    """Return the text for columns that are missing.

    >>> missing_features([f"ret_{n}" for n in range(9)])
    'missing_features(ret_0, ret_1, ret_2, ret_3, ret_4)'
    """
    return MISSING_FEATURES.says(columns=", ".join(columns[:_NAMED]))
