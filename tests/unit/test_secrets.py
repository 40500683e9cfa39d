"""No secret lies in a tracked file: keys of clouds and services, private keys, odd assignments."""

from __future__ import annotations

import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.imports import ROOT

PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*\n?[A-Za-z0-9+/=\s]{40}"),
    "AWS key": re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"),
    "Google key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "Google account": re.compile(r'"private_key_id"\s*:\s*"[0-9a-f]{40}"'),
    "Google OAuth secret": re.compile(r"\bGOCSPX-[A-Za-z0-9_-]{20,}"),
    "GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50,})\b"),
    "GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20}\b"),
    "Slack token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}"),
    "Slack webhook": re.compile(r"hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}"),
    "Telegram token": re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    "Stripe key": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    "OpenAI or DeepSeek key": re.compile(r"\bsk-(?:proj-|ant-[a-z0-9]+-)?[A-Za-z0-9_-]{32,}"),
    "PyPI token": re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}"),
    "JSON web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[\w-]{10,}"),
    "password in an address": re.compile(
        r"\b[a-z][a-z0-9+]{2,9}://[^\s/:@'\"{}$<]+:([^\s/@'\"{}$<]{6,})@"
    ),
}
"""Shapes that are secrets and hardly anything else."""

ASSIGNED: Final = re.compile(
    r"(?i)(?:api_?key|secret|token|passw(?:or)?d|private_?key|credential)[\w.-]*[\"']?\s*[:=]\s*"
    r"[\"']([A-Za-z0-9+/=_.-]{20,})[\"']"
)
RANDOM_BITS: Final = 3.7
"""Shannon entropy of a letter in bits: words have some 3, digits of base 64 up to 6."""

PLAYED: Final = re.compile(r"(?i)example|password|s3cret|wr0ng|secret-of|a-key|not-a|0123456789")
"""What a value says that plays a secret in a test or a document."""

NUMBERS: Final = {".lock", ".onnx", ".parquet", ".png", ".ubj"}
"""Files of hashes and of numbers; so are the trees of boosters and their known answers."""

MOST_BYTES: Final = 2_000_000


def secrets_in(text: str) -> Iterator[str]:
    """Yield what looks like a secret; of the secret itself no more than four letters."""
    for kind, pattern in PATTERNS.items():
        for found in pattern.finditer(text):
            if not PLAYED.search(found[0]):
                yield f"{kind}: {found[0][:4]}…"
    for found in ASSIGNED.finditer(text):
        if entropy(found[1]) > RANDOM_BITS and not PLAYED.search(found[0]):
            yield f"assignment: {found[1][:4]}…"


def entropy(text: str) -> float:
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def tracked() -> list[Path]:
    """Return the files that git keeps; skip where there is no git, or no checkout."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no checkout of git, which knows the tracked files")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def test_no_tracked_file_holds_a_secret() -> None:
    models = ROOT / "models" / "production"
    paths = [
        path
        for path in tracked()
        if path.is_file()
        and path.suffix not in NUMBERS
        and not (path.is_relative_to(models) and (path.suffix == ".txt" or "answers" in path.name))
    ]
    assert len(paths) > 500
    found = {}
    for path in paths:
        assert path.stat().st_size < MOST_BYTES, path
        text = path.read_text(encoding="utf-8", errors="ignore")
        if ones := list(secrets_in(text)):
            found[path.relative_to(ROOT).as_posix()] = ones
    assert found == {}


def test_no_file_of_secrets_is_tracked() -> None:
    kept_out = re.compile(
        r"(^|/)(\.env|secrets\.toml|id_(rsa|ed25519|ecdsa)|.*\.(pem|p12|pfx|key))$"
    )
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert [name for name in names if kept_out.search(name)] == []


# In pieces, so that this file holds none of them.
PLANTED: Final = {
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7" * 4,
    "AWS key": "AKIA" + "IOSFODNN7QWERTYU",
    "Google key": "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "Google account": '"private_key_id": "' + "a1b2c3d4e5" * 4 + '"',
    "Google OAuth secret": "GOCSPX-" + "a8Kd92jXkq0Lm3Pz7Rt5Vw1Yb4Nc",
    "GitHub token": "ghp_" + "a8Kd92jXkq0Lm3Pz7Rt5Vw1Yb4Nc6Hs8Gf2D",
    "GitLab token": "glpat-" + "a8Kd92jXkq0Lm3Pz7Rt5",
    "Slack token": "xoxb-" + "17653672481-19874698323-pdFZKVeTuE8sk7oOHcbrzygy",
    "Slack webhook": "hooks.slack.com/services/" + "T1A2B3C4D/B1A2B3C4D/a8Kd92jXkq0Lm3Pz7Rt5Vw1Y",
    "Telegram token": "123456789:" + "AAF-a8Kd92jXkq0Lm3Pz7Rt5Vw1Yb4Nc6Hs",
    "Stripe key": "sk_live_" + "a8Kd92jXkq0Lm3Pz7Rt5Vw1Y",
    "OpenAI or DeepSeek key": "sk-" + "a8Kd92jXkq0Lm3Pz7Rt5Vw1Yb4Nc6Hs8",
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmcCJDU2Nzg5" * 3,
    "JSON web token": f"eyJhbGciOiJIUzI1NiJ9.{'eyJzdWIiOiIxMjM0NTY3ODkwIn0'}.dozjgNryP4J3jVmN",
    "password in an address": "redis://" + "user:a8Kd92jX" + "@db.internal:6379",
    "assignment": 'api_key = "' + "q7Zt2LmX9vRk4WnB8sYd" + '"',
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found(kind: str) -> None:
    assert [one.split(":")[0] for one in secrets_in(f"x = 1\n{PLANTED[kind]}\n")] == [kind]
    assert set(PLANTED) == {*PATTERNS, "assignment"}


@pytest.mark.parametrize(
    "text",
    [
        'api_key = os.environ["DEEPSEEK_API_KEY"]',
        'token = "the-first-of-all-tokens"',
        "redis://user:${PASSWORD}@db",
        "secretKeyRef: {name: forecastlab-deepseek, key: latest}",
        "--hash=sha256:" + "0a1b2c3d" * 8,
        "-----BEGIN [A-Z ]{1,60}-----",
    ],
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    assert list(secrets_in(text)) == []
