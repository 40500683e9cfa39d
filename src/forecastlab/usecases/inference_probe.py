"""Does the inference server answer, and with this bundle's numbers? Asked with a known answer."""

from __future__ import annotations

from forecastlab.contracts.errors import RemoteFailed
from forecastlab.contracts.inference import InferenceAccess
from forecastlab.contracts.manifest import KNOWN_ANSWERS
from forecastlab.usecases.champion import choose
from forecastlab.usecases.inference import Local, Remote, refuse_another_answer
from forecastlab.usecases.stored_answers import stored_answers
from forecastlab.usecases.workspace import Workspace


def probe_inference(workspace: Workspace, access: InferenceAccess) -> tuple[str, str]:
    """Return the facts about the server, and a remedy where forecasts go on without it.

    The breaker is passed over: a person asks.

    Raises:
        BundleRefused: the bundle that is to speak does not verify.
    """
    address = access.server.address
    if not workspace.operations.remote:
        why = f"{address} is not asked: {workspace.deployment} has no `remote = true`"
        return f"{why} in [operations]", ""
    bundle = choose(workspace, None).bundle
    known = stored_answers(bundle.files.files[KNOWN_ANSWERS])
    opens = known.opens[-1:]
    rows = {name: table.loc[: opens[0]] for name, table in known.features.items()}
    try:
        here = Local().answers(bundle, rows, opens, {})
        there = Remote(access.server).answers(bundle, rows, opens, {})
        refuse_another_answer(bundle, here.tables, there.tables)
    except RemoteFailed as error:
        return f"{address} is not used: {error.facts}; forecasts are computed here", error.remedy
    return f"{address} gives the known answers of {bundle.files.name}", ""
