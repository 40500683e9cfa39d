"""What a caller is told when an answer is refused or fails: one shape of body for all of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from forecastlab.contracts.errors import (
    BundleRefused,
    DataError,
    ForecastLabError,
    GateRefused,
    RecordConflict,
    UnknownSymbol,
    UsageError,
)

_log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[ForecastLabError], int]] = {
    UsageError: 400,
    UnknownSymbol: 404,
    DataError: 503,
    BundleRefused: 503,
    GateRefused: 503,
    RecordConflict: 409,
}
"""Error -> the status of an answer that it ends; what stands below one in the tree follows it."""

_SHOWN: Final = 20
"""Wrong fields that an answer names; a caller mends the first ones first."""


_FOLDERS: Final = re.compile(r"(?<![\w./:~-])/(?:[^/\s'\",;:]+/)+")
"""The folders of an absolute path; those of a URL are none."""


class WrongField(BaseModel):
    """One field that does not fit."""

    field: str
    message: str
    type: str


class Failure(BaseModel):
    """The body of every answer that is no success."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "success": False,
                "error": "body.queries.0.interval: Input should be '1h', '4h' or '1d'",
                "request_id": "9f1c2d3e4a5b6c7d",
            }
        },
    )

    success: bool = Field(default=False, description="Always false.")
    error: str = Field(description="What is wrong, for a person.")
    request_id: str = Field(description="As in the header X-Request-Id, and in the service's log.")
    validation_errors: list[WrongField] | None = None


class ApiError(Exception):
    """A handler's answer that is no success.

    Args:
        status: of HTTP, from 400 on.
        error: what is wrong, for a person; it leaves the machine.
        headers: more headers of the answer.
        more: more fields of the body.
    """

    def __init__(
        self,
        status: int,
        error: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def failure(
    status: int,
    error: str,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """Write the answer that tells of a failure.

    >>> failure(404, "There is no such path.", "1f").body
    b'{"success":false,"error":"There is no such path.","request_id":"1f"}'
    """
    body = {"success": False, "error": error, "request_id": request_id, **(more or {})}
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/json",
    )


def status_of(error: ForecastLabError) -> int:
    """Return the status of an answer that an error ends.

    >>> status_of(UsageError("There is no such bundle.", remedy="Name another."))
    400
    """
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def told(error: ForecastLabError) -> str:
    """Return what a caller is told of an error: where a file lies on this machine is not his.

    The remedy is for who operates the service, and stands in its log, unless it is the caller's.

    >>> told(UsageError("The store /var/lib/lab cannot be read.", remedy="Name another."))
    'The store …/lab cannot be read. Name another.'
    """
    text = error.facts if status_of(error) >= 500 else str(error)
    return without_folders(text)


def without_folders(text: str) -> str:
    """Return a text in which absolute paths have lost their folders.

    >>> without_folders("http://gpu:5001/ml/predict has no '/srv/lab/candles/a.csv'")
    "http://gpu:5001/ml/predict has no '…/a.csv'"
    """
    return _FOLDERS.sub("…/", text)


def request_id_of(request: Request) -> str:
    """Return the id of a request, as the answer and the log state it."""
    return str(request.scope.get("request_id", ""))


def tell_failures(app: FastAPI) -> None:
    """Answer the framework's failures, and the project's own, in the one shape."""
    for kind in (HTTPException, RequestValidationError, ApiError, ForecastLabError):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    request_id = request_id_of(request)
    if isinstance(error, ApiError):
        return failure(
            error.status, error.error, request_id, headers=error.headers, more=error.more
        )
    if isinstance(error, RequestValidationError):
        return _invalid(error, request_id)
    if isinstance(error, ForecastLabError):
        return _ours(error, request_id)
    if isinstance(error, HTTPException):
        text = _described(error, request)
        return failure(error.status_code, text, request_id, headers=error.headers)
    raise error


def _described(error: HTTPException, request: Request) -> str:
    standard = HTTPStatus(error.status_code).phrase
    if error.detail and error.detail != standard:
        return str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "There is no such path."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method} is not allowed here."
    return f"{standard}."


def _invalid(error: RequestValidationError, request_id: str) -> Response:
    wrong = [
        {
            "field": ".".join(str(part) for part in one["loc"]),
            "message": str(one["msg"]),
            "type": str(one["type"]),
        }
        for one in error.errors()[:_SHOWN]
    ]
    first = wrong[0]
    text = f"{first['field']}: {first['message']}"
    if first["type"] == "json_invalid":
        text = f"Invalid JSON: {text}"
    return failure(400, text, request_id, more={"validation_errors": wrong})


def _ours(error: ForecastLabError, request_id: str) -> Response:
    status = status_of(error)
    level = logging.ERROR if status >= 500 else logging.INFO
    _log.log(level, "%s", error, extra={"fields": {"request_id": request_id}})
    return failure(status, told(error), request_id)
