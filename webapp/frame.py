"""What every page is given: the deployment, the words, the reader's zone, the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from forecastlab.bootstrap import open_lake, open_store
from forecastlab.settings import Settings, read_settings
from webapp.languages import LANGUAGES, words_of
from webapp.read_model.deployment import Deployment
from webapp.read_model.library import Library
from webapp.views.candidates import by_horizon
from webapp.views.wording import Words, literal

DEFAULT_LANGUAGE: Final = "en"
DEFAULT_ZONE: Final = "Asia/Shanghai"
"""The zone of the schedule: the morning is 08:05 there."""


@dataclass(frozen=True)
class Frame:
    """The surroundings of one run of a page.

    Attributes:
        candidate: the one that the reader chose; None where the deployment has no forecast.
        candidates: all candidates of the newest forecast, the shortest horizon first.
        zone: the reader's; UTC is shown beside it.
        now: the instant that ages are counted from (see `Library.now`).
    """

    library: Library
    deployment: Deployment
    words: Words
    zone: tzinfo
    now: datetime
    candidate: str | None
    candidates: tuple[str, ...]


def open_frame() -> Frame:
    """Return the surroundings that the sidebar's choices, or the defaults, make."""
    library = open_library()
    deployment = library.deployment(chosen("deployment", library.deployments()))
    names = candidates(deployment)
    return Frame(
        library=library,
        deployment=deployment,
        words=words_of(chosen_language()),
        zone=ZoneInfo(chosen("zone", zones())),
        now=library.now(deployment),
        candidate=chosen("candidate", names) if names else None,
        candidates=names,
    )


def show_nothing_yet(frame: Frame) -> None:
    """Say that there is no forecast: none was made, or the store is out of reach."""
    away = [one for one in frame.library.problems if one.kind == "unreachable"]
    if away:
        st.error(frame.words("app.unreachable", why=literal(away[0].facts)))
    else:
        st.info(frame.words("today.nothing"))


def say_simulated(frame: Frame) -> None:
    """Say that the store holds a simulated market, where it does: every page must."""
    if frame.library.pinned() == "simulated":
        st.warning(frame.words("banners.simulated"))


def open_library() -> Library:
    """Return the library of the store that the settings name, one per server and store."""
    return _library(read_settings())


def chosen(name: str, options: Sequence[str]) -> str:
    """Return the session's choice, else the address's, else the first; one of the options."""
    for value in (st.session_state.get(name), st.query_params.get(name)):
        if isinstance(value, str) and value in options:
            return value
    return options[0]


def chosen_language() -> str:
    """Return the code of the chosen language; an address may give its code or its own name."""
    codes = {**{name: code for code, name in LANGUAGES.items()}, **{one: one for one in LANGUAGES}}
    return codes[chosen("language", (*languages(), *LANGUAGES.values()))]


def languages() -> tuple[str, ...]:
    """Return the codes of the languages, the browser's first."""
    wanted = (st.context.locale or DEFAULT_LANGUAGE).split("-")[0].lower()
    first = wanted if wanted in LANGUAGES else DEFAULT_LANGUAGE
    return (first, *(code for code in LANGUAGES if code != first))


def zones() -> tuple[str, ...]:
    """Return the zones to choose from, the browser's first."""
    names = (st.context.timezone, DEFAULT_ZONE, "UTC")
    return tuple(dict.fromkeys(name for name in names if name and _is_zone(name)))


def candidates(deployment: Deployment) -> tuple[str, ...]:
    """Return the candidates of the newest forecast, in hindsight where none is sealed."""
    newest = deployment.records(newest=1) or deployment.backfills(newest=1)
    return by_horizon(newest[-1].forecasts) if newest else ()


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@st.cache_resource(show_spinner=False)
def _library(settings: Settings) -> Library:
    store = open_store(settings.store)
    return Library(
        store,
        open_lake(store),
        default=settings.deployment,
        now=lambda: datetime.now(UTC),
        simulated_now=settings.simulated_now,
    )
