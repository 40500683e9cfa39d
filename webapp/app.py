"""The entry of the dashboard: sidebar, navigation, and the net under every page."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Final

import streamlit as st

# `streamlit run webapp/app.py` puts this folder on the path, not the one that holds the package.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from forecastlab.contracts.errors import ForecastLabError  # noqa: E402
from webapp.access import demand_admission  # noqa: E402
from webapp.frame import (  # noqa: E402
    candidates,
    chosen,
    chosen_language,
    languages,
    open_library,
    zones,
)
from webapp.languages import LANGUAGES, words_of  # noqa: E402
from webapp.read_model.library import Library  # noqa: E402
from webapp.read_model.problems import Problem  # noqa: E402
from webapp.views.wording import Words, literal  # noqa: E402

# Page -> its icon; its script is `screens/<page>.py`, its title the text `<page>.title`. Streamlit
# would show a string that stands alone in a script, so constants of scripts have comments.
PAGES: Final = {
    "today": ":material/today:",
    "history": ":material/candlestick_chart:",
    "track_record": ":material/fact_check:",
    "models": ":material/deployed_code:",
    "research": ":material/science:",
    "operations": ":material/monitor_heart:",
    "analyst": ":material/chat:",
}

# An open page looks for another forecast this often, so that one shows within a minute.
LOOK_EVERY_S: Final = 25

_log = logging.getLogger(__name__)


def main() -> None:
    """Lay out the sidebar and run the page that the reader chose."""
    st.set_page_config(page_title="ForecastLab", page_icon="📈", layout="wide")
    words = words_of(chosen_language())
    demand_admission(words)
    # Streamlit would run the scripts of a folder named `pages` without this one, past the door:
    # the first visitor of a server who asks for /history would see it unasked.
    there = Path(__file__).parent / "screens"
    pages = [
        st.Page(there / f"{name}.py", title=words(f"{name}.title"), icon=icon, url_path=name)
        for name, icon in PAGES.items()
        if (there / f"{name}.py").is_file()
    ]
    page = st.navigation(pages)
    try:
        library = open_library()
        sidebar(library, words)
        page.run()
        problems(library.problems, words)
    except ForecastLabError as error:
        st.error(f"{literal(error.facts)} {literal(error.remedy)}")
    except Exception:  # noqa: BLE001 - the net: a reader gets a sentence, the log the trace
        _log.exception("the page %s failed", page.url_path or "today")
        st.error(words("app.failed"))


def sidebar(library: Library, words: Words) -> None:
    """Draw the reader's choices; each is kept in the session and in the address."""
    names = library.deployments()
    with st.sidebar:
        chooser("deployment", names, words)
        deployment = library.deployment(chosen("deployment", names))
        found = candidates(deployment)
        if len(found) > 1:
            chooser("candidate", found, words)
        # Before the box: an address may give the code, while the box writes the name.
        st.session_state["language"] = words.language
        st.selectbox(
            words("app.language"),
            languages(),
            key="language",
            format_func=lambda code: LANGUAGES[code],
            bind="query-params",
        )
        chooser("zone", zones(), words)
        st.caption(words("app.store", location=literal(library.location)))
        watch(deployment.name, deployment.newest_asof() or "")


def chooser(name: str, options: tuple[str, ...], words: Words) -> None:
    """Draw one choice."""
    st.session_state[name] = chosen(name, options)
    st.selectbox(words(f"app.{name}"), options, key=name, bind="query-params")


@st.fragment(run_every=LOOK_EVERY_S)
def watch(deployment: str, shown: str) -> None:
    """Run the page again where another forecast than the one shown is the newest."""
    if (open_library().deployment(deployment).newest_asof() or "") != shown:
        st.rerun()


def problems(found: tuple[Problem, ...], words: Words) -> None:
    """List what the pages had to leave out."""
    if not found:
        return
    with st.expander(words("app.problems", n=len(found)), icon=":material/report:"):
        rows = [
            {
                words("app.problem_kind"): words(f"problems.{one.kind}"),
                words("app.problem_key"): one.key,
                words("app.problem_facts"): f"{one.facts} {one.remedy}",
            }
            for one in found
        ]
        st.dataframe(rows, hide_index=True)


main()
