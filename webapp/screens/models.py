"""Models: which bundle speaks, which wait, what they are made of; read-only."""

from __future__ import annotations

import streamlit as st

from forecastlab.contracts import keys
from forecastlab.contracts.canonical import parse_document
from forecastlab.contracts.errors import DataMalformed
from forecastlab.contracts.manifest import Manifest
from forecastlab.contracts.registry import RegistryEvent, RegistryState
from webapp.frame import Frame, open_frame, say_simulated
from webapp.views import contributions, documents, members, models
from webapp.views.candidates import by_horizon
from webapp.views.wording import instant, literal, number

PLAIN = {"displayModeBar": False}
# A card's tables are wider than a phone: they scroll, and not the page.
SCROLLING_TABLES = (
    "<style>[data-testid=stMarkdownContainer] table {display: block; overflow-x: auto}</style>"
)


def show(frame: Frame) -> None:
    """Lay out the page."""
    words, deployment = frame.words, frame.deployment
    st.title(words("models.title"))
    st.caption(words("models.question"))
    say_simulated(frame)
    events, state = deployment.events(), deployment.registry()
    if state is None:
        st.error(words("models.broken"))
        return
    if not events:
        st.info(words("models.nothing"))
        commands(frame, state)
        return
    head(frame, state)
    st.subheader(words("models.timeline"))
    st.plotly_chart(
        models.timeline(events, frame.now, words, frame.zone), key="timeline", config=PLAIN
    )
    st.subheader(words("models.bundles"))
    manifests = {name: deployment.manifest(name) for name in state.registered}
    st.dataframe(models.bundle_table(state, manifests, words), hide_index=True)
    names = tuple(reversed(state.registered))
    champion = names.index(state.champion) if state.champion in names else 0
    bundle = st.selectbox(words("models.choose"), names, index=champion, key="bundle")
    one_bundle(frame, bundle, events)
    commands(frame, state)
    with st.expander(words("models.events", n=len(events))):
        st.dataframe(models.event_table(events, words), hide_index=True)


def head(frame: Frame, state: RegistryState) -> None:
    """Lay out who speaks now."""
    words = frame.words
    st.markdown(
        f"**{words('models.champion')}:** {literal(state.champion or words('models.no_champion'))}"
    )
    if state.since is not None:
        st.markdown(f"**{words('models.since')}:** {literal(instant(state.since, frame.zone))}")
    waiting = ", ".join(state.challengers) or words("models.no_champion")
    st.markdown(f"**{words('models.challengers')}:** {literal(waiting)}")
    newest = frame.deployment.records(newest=1)
    if newest and newest[-1].bundle.override:
        chosen = newest[-1].bundle
        told = {"override": literal(chosen.override), "bundle": literal(chosen.name)}
        st.warning(words("models.override", **told))


def one_bundle(frame: Frame, bundle: str, events: tuple[RegistryEvent, ...]) -> None:
    """Lay out one bundle in tabs."""
    words, manifest = frame.words, frame.deployment.manifest(bundle)
    names = ("card", "members", "contributions", "gates", "manifest")
    tabs = dict(zip(names, st.tabs([words(f"models.{name}") for name in names]), strict=True))
    with tabs["card"]:
        card = frame.deployment.card(bundle)
        st.html(SCROLLING_TABLES)
        with st.container(border=True):
            st.markdown(documents.tame(card) if card else words("models.no_card"))
    with tabs["members"]:
        if manifest is None:
            st.info(words("models.no_card"))
        else:
            made_of(frame, bundle, manifest)
    with tabs["contributions"]:
        explanations(frame)
    with tabs["gates"]:
        gates(frame, bundle, events)
    with tabs["manifest"]:
        if manifest is None:
            st.info(words("models.no_card"))
        else:
            features = members.feature_table(manifest, words)
            with st.expander(words("models.all_features", n=len(features))):
                st.dataframe(features, hide_index=True)
            fields = manifest.model_dump(mode="json", exclude={"features", "files"})
            st.json(fields, expanded=1)


def made_of(frame: Frame, bundle: str, manifest: Manifest) -> None:
    """Lay out a bundle's members, candidate by candidate."""
    words = frame.words
    for candidate in by_horizon(manifest.candidates):
        entry = manifest.candidates[candidate]
        st.markdown(f"#### {literal(candidate)}")
        st.caption(literal(entry.label_rule))
        st.markdown(words("models.published_by", method=f"`{entry.method}`"))
        left, right = st.columns(2)
        with left:
            st.markdown(f"**{words('models.weights')}**")
            found = members.weights(
                entry.method, tuple(entry.members), stack(frame, bundle, candidate)
            )
            figure = members.weight_figure(found, words)
            st.plotly_chart(figure, key=f"weights {bundle} {candidate}", config=PLAIN)
            st.dataframe(members.member_table(manifest, candidate, words), hide_index=True)
        with right:
            st.markdown(f"**{words('models.gains')}**")
            figure = members.gain_figure(entry, words)
            st.plotly_chart(figure, key=f"gains {bundle} {candidate}", config=PLAIN)
            st.caption(words("models.gains_help"))
        newest = frame.deployment.records(newest=1)
        if newest and newest[-1].bundle.name == bundle and candidate in newest[-1].forecasts:
            st.markdown(f"**{words('models.said')}**")
            said = members.said_table(newest[-1].forecasts[candidate], words)
            st.dataframe(said, hide_index=True)


def stack(frame: Frame, bundle: str, candidate: str) -> dict[str, object] | None:
    """Return the coefficients of a candidate's stack, where the store holds the bundle's files."""
    key = f"{keys.bundle(bundle)}model_{candidate}/stack.json"
    text = frame.deployment.text(key)
    if text is None:
        return None
    try:
        return dict(parse_document(text.encode(), what=key))
    except DataMalformed:
        return None


def explanations(frame: Frame) -> None:
    """Lay out what moved the newest forecasts."""
    words, found = frame.words, frame.deployment.documents("explanations")
    if not found:
        st.info(words("models.no_contributions"))
        return
    newest = found[-1]
    st.markdown(f"**{words('models.contributions_of', asof=literal(newest.name))}**")
    explained = contributions.read_explanation(newest.fields)
    if explained is None:
        st.dataframe(documents.field_rows(newest.fields), hide_index=True)
        return
    if not explained.replays or not explained.same_candles:
        st.warning(words("models.contributions_differ"))
    scores = contributions.scores(explained)
    if scores:
        path = st.selectbox(words("models.contributions"), tuple(scores), key="contribution")
        score = scores[path]
        figure = contributions.contribution_figure(score.columns, words)
        st.plotly_chart(figure, key="contributions", config=PLAIN)
        told = {"base": number(score.base, 3), "raw": number(score.raw, 3)}
        st.caption(words("models.contributions_help", unit=literal(score.unit), **told))
    for member, why in contributions.not_explained(explained):
        st.caption(words("models.not_explained", member=literal(member), why=literal(why)))


def gates(frame: Frame, bundle: str, events: tuple[RegistryEvent, ...]) -> None:
    """Lay out what the bundle's promotions were tested on."""
    words = frame.words
    tested = [event for event in reversed(events) if event.bundle == bundle and event.gates]
    if not tested:
        st.info(words("models.no_gates"))
    for event in tested:
        told = {
            "event": words(f"models.kinds.{event.kind}"),
            "at": f"{event.at:%Y-%m-%d %H:%M}",
            "by": literal(event.by),
            "why": literal(event.why),
        }
        st.markdown(words("models.gates_of", **told))
        st.dataframe(models.gate_table(event.gates, words), hide_index=True)


def commands(frame: Frame, state: RegistryState) -> None:
    """Show what to run, for the page changes nothing."""
    words = frame.words
    st.subheader(words("models.commands"))
    st.caption(words("models.commands_help"))
    lines = models.command_lines(frame.deployment.name, state, frame.library.location, words)
    st.code(lines, "sh", wrap_lines=True)


show(open_frame())
