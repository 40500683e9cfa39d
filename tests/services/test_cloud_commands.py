"""`forecastlab cloud …`, against an API on loopback and a store with run reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forecastlab.adapters.event_registry import EventRegistry
from forecastlab.adapters.local_store import LocalStore
from forecastlab.bootstrap import open_store
from forecastlab.contracts import keys
from forecastlab.contracts.canonical import digest
from forecastlab.contracts.ports import ABSENT
from forecastlab.contracts.records import RunReport
from forecastlab.contracts.registry import RegistryEvent
from tests.support.cloud_run_wire import RUN_PATH, CloudRunWire, refusal
from tests.support.command_line import CommandLine, Ended
from tests.support.faulty_http import FaultyServer
from tests.support.imports import ROOT
from tests.support.optional import needs

pytestmark = needs("google.api_core")

SHIPPED = "flow_T21X8_T14X8_20250930"
DEPLOYMENT = "flow_T21X8_T14X8"
MORNING = datetime(2025, 10, 1, 0, 5, 3, tzinfo=UTC)


@dataclass
class Cloud:
    """The command line, the API and the store."""

    cli: CommandLine
    wire: CloudRunWire
    server: FaultyServer
    store: LocalStore

    def __call__(self, *arguments: str) -> Ended:
        return self.cli("cloud", *arguments)

    def leave_report(self, execution: str | None, *, day: int = 0, error: str = "") -> None:
        """Leave what a run of the job leaves in the store."""
        at = MORNING + timedelta(days=day)
        report = RunReport(
            run_id=f"0000000{day}",
            command="daily",
            deployment=DEPLOYMENT,
            started_at=at,
            finished_at=at + timedelta(seconds=2),
            asof_date=(at - timedelta(days=1)).date().isoformat(),
            exit_code=4 if error else 0,
            result="BundleRefused" if error else "published",
            error=error or None,
            fields={"degraded": ["gpu_unavailable"], "execution": execution},
        )
        key = keys.run(DEPLOYMENT, at, report.run_id)
        self.store.put(key, report.stored(), if_generation=ABSENT)


@pytest.fixture
def cloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    wire = CloudRunWire()
    with FaultyServer(wire) as server:
        monkeypatch.setenv("FORECASTLAB_PROJECT", "p")
        monkeypatch.setenv("FORECASTLAB_REGION", "r")
        monkeypatch.setenv("FORECASTLAB_CLOUD_ENDPOINT", server.url)
        monkeypatch.setenv("FORECASTLAB_STORE", str(tmp_path))
        monkeypatch.setenv("FORECASTLAB_MODELS", str(ROOT / "models" / "production"))
        cli = CommandLine(capsys, monkeypatch)
        yield Cloud(cli, wire, server, LocalStore(tmp_path))


def test_run_tells_what_it_published(cloud: Cloud) -> None:
    cloud.leave_report("forecastlab-daily-00001")
    ended = cloud("run", "--asof", "2025-09-30")
    assert ended.code == 0, ended.err
    assert cloud.wire.arguments == [["--asof", "2025-09-30"]]
    assert "forecastlab-daily-00001 succeeded." in ended.out
    assert f"{DEPLOYMENT} 2025-09-30: published" in ended.out
    assert "forecastlab-daily-00001: succeeded" in ended.err


def test_run_prints_one_document(cloud: Cloud) -> None:
    document = cloud("run", "--json").document
    assert document["execution"]["state"] == "succeeded"
    assert document["reports"] == []


def test_a_failed_run_names_the_exit_code_and_the_log(cloud: Cloud) -> None:
    cloud.wire.fails = True
    cloud.leave_report("forecastlab-daily-00001", error="The bundle does not verify.")
    cloud("run").refused(
        3, "exit code 4: The bundle does not verify", "cloud logs-query forecastlab-daily-00001"
    )


def test_a_failure_that_left_no_report_is_told_in_the_platforms_words(cloud: Cloud) -> None:
    cloud.wire.fails = True
    cloud("run").refused(3, "failed with exit code 4")


def test_an_asof_that_cannot_be_meant_starts_nothing(cloud: Cloud) -> None:
    cloud("run", "--asof", "yesterday").refused(2, "names no 1d candle")
    assert cloud.server.requests == []


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "part"),
    [
        (403, "PERMISSION_DENIED", 2, "roles/run.jobsExecutor"),
        (404, "NOT_FOUND", 2, "deploy/setup.sh"),
        (503, "UNAVAILABLE", 3, "forecastlab cloud status"),
    ],
)
def test_a_refusal_has_a_remedy(
    cloud: Cloud, code: int, status: str, exit_code: int, part: str
) -> None:
    cloud.server.always(lambda *_: refusal(code, status, "No."), path=RUN_PATH)
    cloud("run").refused(exit_code, f"{code}: No", part)


@pytest.mark.parametrize("name", ["FORECASTLAB_PROJECT", "FORECASTLAB_REGION"])
def test_a_missing_setting_is_named(
    cloud: Cloud, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)
    cloud("status").refused(2, name)


def test_status_lays_executions_beside_reports(cloud: Cloud) -> None:
    cloud("run")
    cloud.wire.fails = True
    cloud("run")
    cloud.leave_report("forecastlab-daily-00001")
    cloud.leave_report(None, day=1)
    document = cloud("status", "--json").document
    pairs = [
        (
            row["execution"] and row["execution"]["name"][-1],
            row["report"] and row["report"]["asof_date"],
        )
        for row in document["rows"]
    ]
    assert pairs == [(None, "2025-10-01"), ("2", None), ("1", "2025-09-30")]
    assert document["job"]["accelerator"] == "nvidia-l4"
    shown = cloud("status").out
    for part in ("nvidia-l4", "gpu_unavailable", "outside of the job", "newest record: none"):
        assert part in shown
    assert "forecastlab-daily-task0" in shown


def test_a_pin_is_flagged_until_it_is_lifted(cloud: Cloud) -> None:
    folder = f"models/production/{SHIPPED}"
    assert f"PRODUCTION_DIR={folder} speaks" in cloud("pin", SHIPPED).out
    assert f"PRODUCTION_DIR={folder} speaks" in cloud("status").out
    assert "is not pinned" in cloud("unpin").out
    assert "PRODUCTION_DIR" not in cloud("status").out


@pytest.mark.parametrize("name", ["flow_absent", "champions.toml"])
def test_a_bundle_that_the_image_does_not_hold_is_not_pinned(cloud: Cloud, name: str) -> None:
    cloud("pin", name).refused(4, "There is no bundle", f"forecastlab promote {name}")
    assert cloud.server.requests == []


def test_a_path_is_no_bundle(cloud: Cloud) -> None:
    cloud("pin", "../production").refused(2, "no bundle's name")


def test_a_rollback_on_a_folder_is_refused(cloud: Cloud) -> None:
    cloud("rollback", "--to", SHIPPED, "--why", "drill").refused(2, "is no bucket")


@pytest.fixture
def bucket(cloud: Cloud, gcs_location: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A bucket whose registry has had two champions: the shipped bundle, then another."""
    monkeypatch.setenv("FORECASTLAB_STORE", gcs_location)
    registry = EventRegistry(open_store(gcs_location), DEPLOYMENT)
    manifest = ROOT / "models" / "production" / SHIPPED / "meta.json"
    known = digest(manifest.read_bytes())
    first, second = (1, SHIPPED, None), (2, "flow_T21X8_T14X8_20251101", SHIPPED)
    for sequence, name, previous in (first, second):
        registry.append(
            RegistryEvent(
                sequence=sequence,
                kind="promoted",
                deployment=DEPLOYMENT,
                bundle=name,
                bundle_digest=known if name == SHIPPED else f"sha256:{sequence:064x}",
                previous=previous,
                at=MORNING + timedelta(days=sequence),
                by="test",
                why="test",
            )
        )
    return cloud


def test_a_rollback_is_one_event_in_the_bucket(bucket: Cloud) -> None:
    event = bucket("rollback", "--to", SHIPPED, "--why", "drill", "--json").document
    assert (event["kind"], event["bundle"], event["sequence"]) == ("rolled_back", SHIPPED, 3)
    assert event["why"] == "drill"


def test_a_rollback_under_a_pin_says_that_it_does_not_speak(bucket: Cloud) -> None:
    assert bucket("pin", SHIPPED).code == 0
    ended = bucket("rollback", "--to", SHIPPED, "--why", "drill")
    assert ended.code == 0
    assert "forecastlab cloud unpin" in ended.err


def test_a_rollback_does_not_need_the_job(bucket: Cloud) -> None:
    bucket.wire.job = None
    ended = bucket("rollback", "--to", SHIPPED, "--why", "drill")
    assert ended.code == 0
    assert "could not be seen" in ended.err


def test_logs_query_asks_nobody(cloud: Cloud) -> None:
    ended = cloud("logs-query", "forecastlab-daily-00001", "--problems")
    assert cloud.server.requests == []
    query, command, page = ended.out.splitlines()
    assert 'labels."run.googleapis.com/execution_name"="forecastlab-daily-00001"' in query
    assert query.endswith("severity>=WARNING")
    assert command.startswith(f"gcloud logging read '{query}' --project p")
    assert page.endswith("?project=p")
