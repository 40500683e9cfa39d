"""The door: nobody sees a page whom the settings do not admit."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitAuthError

from forecastlab.bootstrap import dashboard_access
from forecastlab.settings import read_settings
from forecastlab.usecases.admit import DashboardAccess, Visit, admit
from webapp.views.wording import Words

_log = logging.getLogger(__name__)


def demand_admission(words: Words) -> None:
    """End the run of the page here, with the reason, unless the visitor may see it."""
    access = dashboard_access(read_settings())
    address = st.get_option("server.address")
    visit = Visit(headers=st.context.headers.to_dict(), claims=_claims(access))
    found = admit(access, address, visit)
    if found == "admitted":
        return
    st.title("ForecastLab")
    if found == "sign_in":
        _offer_sign_in(words)
    else:
        _log.warning("a visitor was not admitted: %s", found)
        st.error(words(f"access.{found}"), icon=":material/lock:")
        if found == "not_listed" and access.method == "login":
            st.button(words("access.sign_out"), on_click=st.logout)
    st.stop()


def _claims(access: DashboardAccess) -> Mapping[str, object]:
    return st.user.to_dict() if access.method == "login" else {}


def _offer_sign_in(words: Words) -> None:
    st.write(words("access.sign_in"))
    if st.button(words("access.sign_in_button"), type="primary"):
        try:
            st.login()
        except StreamlitAuthError:
            _log.exception("signing in is not configured")
            st.error(words("access.no_provider"), icon=":material/lock:")
