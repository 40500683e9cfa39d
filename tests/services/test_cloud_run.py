"""The deployed job through the real client library, against an API on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from forecastlab.adapters.cloud_run import PIN, CloudRunJobs
from forecastlab.contracts.cloud_jobs import Execution
from forecastlab.contracts.errors import ConfigError, DataUnavailable, ForecastLabError
from tests.support.cloud_run_wire import (
    EXECUTIONS_PATH,
    JOB_PATH,
    RUN_PATH,
    CloudRunWire,
    deployed_job,
    refusal,
)
from tests.support.fake_time import FakeTime
from tests.support.faulty_http import FaultyServer, html, reset


@dataclass
class Cloud:
    """The API, and the adapter that asks it; sleeping is free."""

    wire: CloudRunWire
    server: FaultyServer
    time: FakeTime = field(default_factory=FakeTime)
    told: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> CloudRunJobs:
        return self.jobs_of("forecastlab-daily")

    def jobs_of(self, name: str) -> CloudRunJobs:
        return CloudRunJobs("p", "r", name, endpoint=self.server.url, timing=self.time.timing)

    def run(self, *arguments: str, timeout_s: float = 1800) -> Execution:
        jobs = self.jobs
        started = jobs.start(arguments)
        return jobs.follow(
            started.name, timeout_s=timeout_s, tell=lambda one: self.told.append(one.state)
        )

    def refuse(self, code: int, status: str, message: str, path: str) -> None:
        self.server.always(lambda *_: refusal(code, status, message), path=path)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    wire = CloudRunWire()
    with FaultyServer(wire) as server:
        yield Cloud(wire, server)


def test_a_run_is_followed_to_its_end(cloud: Cloud) -> None:
    cloud.wire.polls = 3
    ended = cloud.run()
    assert (ended.name, ended.state) == ("forecastlab-daily-00001", "succeeded")
    assert ended.completed_at is not None
    assert (ended.completed_at - ended.created_at).total_seconds() == 30
    assert cloud.told == ["running", "succeeded"]
    assert cloud.time.slept == [5, 5, 5]
    assert cloud.wire.arguments == [None]


def test_arguments_stand_in_for_those_of_the_job(cloud: Cloud) -> None:
    cloud.run("--asof", "2025-09-30")
    assert cloud.wire.arguments == [["--asof", "2025-09-30"]]


def test_a_failed_execution_says_why(cloud: Cloud) -> None:
    cloud.wire.fails = True
    ended = cloud.run()
    assert (ended.state, ended.retried) == ("failed", 1)
    assert ended.reason == "Task forecastlab-daily-task0 failed with exit code 4."


def test_an_execution_without_end_is_left_to_itself(cloud: Cloud) -> None:
    cloud.wire.polls = 1000
    with pytest.raises(DataUnavailable, match="still runs after 60 s") as caught:
        cloud.run(timeout_s=60)
    assert "forecastlab cloud status" in caught.value.remedy
    assert sum(cloud.time.slept) <= 60


def test_polling_outlives_a_short_outage(cloud: Cloud) -> None:
    cloud.wire.polls = 1
    jobs = cloud.jobs
    started = jobs.start(())
    cloud.server.next(
        lambda *_: refusal(503, "UNAVAILABLE", "Try later."), reset(), html(502), path=None
    )
    assert jobs.follow(started.name, timeout_s=600, tell=lambda _: None).state == "succeeded"


def test_a_start_is_sent_once(cloud: Cloud) -> None:
    """The answer to a start may be lost after the execution began."""
    cloud.refuse(503, "UNAVAILABLE", "The service is unavailable.", RUN_PATH)
    with pytest.raises(DataUnavailable, match=r"does not answer: 503: The service") as caught:
        cloud.jobs.start(())
    assert "may have done it all the same" in caught.value.remedy
    assert len(cloud.server.asked(RUN_PATH)) == 1


def test_a_read_is_asked_again(cloud: Cloud) -> None:
    cloud.server.next(*[lambda *_: refusal(503, "UNAVAILABLE", "Later.")] * 2, path=JOB_PATH)
    assert cloud.jobs.job().name == "forecastlab-daily"
    assert len(cloud.server.asked(JOB_PATH)) == 3


def test_a_long_outage_is_told(cloud: Cloud) -> None:
    cloud.refuse(503, "UNAVAILABLE", "Later.", JOB_PATH)
    with pytest.raises(DataUnavailable, match="after 5 attempts") as caught:
        cloud.jobs.job()
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("act", "path", "role"),
    [
        (lambda jobs: jobs.start(()), RUN_PATH, "roles/run.jobsExecutor"),
        (lambda jobs: jobs.job(), JOB_PATH, "roles/run.viewer"),
        (lambda jobs: jobs.executions(3), EXECUTIONS_PATH, "roles/run.viewer"),
    ],
)
def test_a_missing_right_names_the_role(cloud: Cloud, act: object, path: str, role: str) -> None:
    cloud.refuse(403, "PERMISSION_DENIED", "Permission 'run.jobs' denied.", path)
    with pytest.raises(ConfigError, match=r"may not .* forecastlab-daily .*run\.jobs") as caught:
        act(cloud.jobs)  # type: ignore[operator]
    assert role in caught.value.remedy
    assert len(cloud.server.asked(path)) == 1  # asking again would not help


def test_a_job_that_does_not_stand_is_told(cloud: Cloud) -> None:
    with pytest.raises(ConfigError, match="no job other in project p, region r") as caught:
        cloud.jobs_of("other").job()
    assert "deploy/setup.sh" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_a_missing_quota_is_told_in_the_platforms_words(cloud: Cloud) -> None:
    said = "Quota exceeded for L4 GPUs without zonal redundancy."
    cloud.refuse(400, "FAILED_PRECONDITION", said, RUN_PATH)
    with pytest.raises(ConfigError, match="L4 GPUs") as caught:
        cloud.jobs.start(())
    assert "docs/cloud.md" in caught.value.remedy


def test_an_expired_login_is_told(cloud: Cloud) -> None:
    cloud.refuse(401, "UNAUTHENTICATED", "Request had invalid credentials.", JOB_PATH)
    with pytest.raises(ConfigError, match="does not accept the login") as caught:
        cloud.jobs.job()
    assert "application-default login" in caught.value.remedy


def test_no_login_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", f"{tmp_path}/absent.json")
    with pytest.raises(ConfigError, match="does not accept the login"):
        CloudRunJobs("p", "r", "j", timing=cloud.time.timing).job()


def test_the_newest_executions_come_first(cloud: Cloud) -> None:
    cloud.run()
    cloud.wire.fails = True
    cloud.run()
    found = cloud.jobs.executions(2)
    assert [(one.name[-1], one.state) for one in found] == [("2", "failed"), ("1", "succeeded")]


def test_a_job_that_never_ran_has_no_executions(cloud: Cloud) -> None:
    assert cloud.jobs.executions(5) == ()


def test_a_pin_changes_one_variable_and_nothing_else(cloud: Cloud) -> None:
    cloud.wire.polls = 1
    assert cloud.jobs.job().pinned is None
    pinned = cloud.jobs.pin("models/production/old")
    assert pinned.pinned == "models/production/old"
    assert pinned.accelerator == "nvidia-l4"
    before, after = deployed_job(), cloud.wire.job
    assert after is not None
    (container,) = after["template"]["template"]["containers"]
    (was,) = before["template"]["template"]["containers"]
    assert container.pop("env") == [*was.pop("env"), {"name": PIN, "value": pinned.pinned}]
    assert container.items() >= was.items()
    task, task_before = after["template"]["template"], before["template"]["template"]
    for key in ("maxRetries", "timeout", "serviceAccount", "nodeSelector"):
        assert task[key] == task_before[key]
    assert task["gpuZonalRedundancyDisabled"] is True


def test_a_second_pin_takes_the_place_of_the_first(cloud: Cloud) -> None:
    cloud.jobs.pin("models/production/a")
    cloud.jobs.pin("models/production/b")
    sent = json.loads(cloud.server.requests[-2].body)
    env = sent["template"]["template"]["containers"][0]["env"]
    assert [one["value"] for one in env if one["name"] == PIN] == ["models/production/b"]


def test_unpinning_restores_the_job(cloud: Cloud) -> None:
    cloud.jobs.pin("models/production/a")
    assert cloud.jobs.pin(None).pinned is None
    assert cloud.wire.job is not None
    env = cloud.wire.job["template"]["template"]["containers"][0]["env"]
    assert env == deployed_job()["template"]["template"]["containers"][0]["env"]


def test_a_change_by_another_is_not_overwritten(cloud: Cloud) -> None:
    jobs = cloud.jobs

    def meanwhile(request: object, respond: object) -> object:
        reply = respond(request)  # type: ignore[operator]
        assert cloud.wire.job is not None
        cloud.wire.job["etag"] = '"7"'
        return reply

    cloud.server.next(meanwhile, path=JOB_PATH)  # type: ignore[arg-type]
    with pytest.raises(DataUnavailable, match="changed by another at the same time"):
        jobs.pin("models/production/a")


def test_no_error_leaves_the_tree(cloud: Cloud) -> None:
    for code, status in ((400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL")):
        cloud.refuse(code, status, "No.", JOB_PATH)
        with pytest.raises(ForecastLabError):
            cloud.jobs.job()
