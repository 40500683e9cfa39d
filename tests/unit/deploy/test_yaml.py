"""The YAML of the deployment: what the APIs know, and what the design demands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from typer.main import get_command

from forecastlab.cli import program
from forecastlab.settings import VARIABLES
from tests.support.deployment import DEPLOY, NAMES, documents, filled_in
from tests.support.discovery import problems
from tests.support.imports import ROOT

RUN: Final = documents("run")
JOBS: Final = {name: one for name, one in RUN.items() if one["kind"] == "Job"}
SCHEDULER: Final = documents("scheduler")
ALERTS: Final = documents("alerts")


def execution(job: dict[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def task(job: dict[str, Any]) -> dict[str, Any]:
    return execution(job)["template"]["spec"]  # type: ignore[no-any-return]


def container(job: dict[str, Any]) -> dict[str, Any]:
    (one,) = task(job)["containers"]
    return one  # type: ignore[no-any-return]


def environment(job: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container(job)["env"]}


@pytest.mark.parametrize("name", RUN)
def test_cloud_run_knows_every_field(name: str) -> None:
    assert problems(RUN[name], "run.v1", RUN[name]["kind"]) == []


@pytest.mark.parametrize("name", SCHEDULER)
def test_the_scheduler_knows_every_field(name: str) -> None:
    assert problems(SCHEDULER[name], "cloudscheduler.v1", "Job") == []


@pytest.mark.parametrize("name", ALERTS)
def test_monitoring_knows_every_field(name: str) -> None:
    assert problems(ALERTS[name], "monitoring.v3", "AlertPolicy") == []


def test_storage_and_iam_know_every_field() -> None:
    bucket = filled_in("bucket.yaml")
    assert problems(bucket, "storage.v1", "Bucket") == []
    lifecycle = {"lifecycle": filled_in("lifecycle.yaml")}
    assert problems(lifecycle, "storage.v1", "Bucket") == []
    for one in documents("conditions").values():
        assert problems(one, "iam.v1", "Expr") == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "template", "spec", "template", "spec", "maxRetires"), 1),
        (("spec", "template", "spec", "template", "spec", "timeoutSeconds"), "soon"),
        (("spec", "template", "nodeSelector"), {}),
        (("kind2",), "Job"),
    ],
)
def test_a_planted_mistake_is_found(path: tuple[str, ...], value: object) -> None:
    document = filled_in("run/daily-gpu.yaml")
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    assert len(problems(document, "run.v1", "Job")) == 1


def test_every_name_is_filled_in() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DEPLOY.rglob("*.yaml")]
    assert len(texts) > 15
    for text in texts:
        names = {part.split("}")[0] for part in text.split("${")[1:]}
        assert {one for one in names if not one.startswith("resource.")} <= NAMES.keys()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_retries_once_and_ends_in_time(name: str) -> None:
    job = JOBS[name]
    assert task(job)["maxRetries"] == 1
    assert 60 <= task(job)["timeoutSeconds"] <= 3600  # a GPU task may last an hour
    assert task(job)["serviceAccountName"].startswith("forecastlab-job@")
    assert environment(job)["FORECASTLAB_STORE"] == "gs://my-bucket"
    assert environment(job)["FORECASTLAB_JOB"] == job["metadata"]["name"]


def names_of(document: dict[str, Any]) -> Iterator[str]:
    spec = document["spec"]["template"]["spec"]
    spec = spec["template"]["spec"] if document["kind"] == "Job" else spec
    for one in spec["containers"]:
        for entry in one["env"]:
            if "secretKeyRef" not in str(entry):
                yield entry["name"]


@pytest.mark.parametrize("name", RUN)
def test_every_variable_is_one_that_the_settings_read(name: str) -> None:
    """A misspelt one would be ignored in silence."""
    known = {variable.name for variable in VARIABLES}
    assert set(names_of(RUN[name])) <= known


@pytest.mark.parametrize("name", JOBS)
def test_every_job_calls_a_command_and_options_that_exist(name: str) -> None:
    one = container(JOBS[name])
    words = [*one["command"], *one.get("args", [])]
    if words[:2] == ["python", "scripts/run_daily_prediction.py"]:
        words = ["forecastlab", "daily", *words[2:]]
    called, command, *options = words
    assert called == "forecastlab"
    known = get_command(program()).commands[command].params  # type: ignore[attr-defined]
    given = {word for word in options if word.startswith("--")}
    assert given <= {option for one in known for option in one.opts}


@pytest.mark.parametrize("name", ["daily-gpu", "retrain"])
def test_a_gpu_job_has_what_an_l4_demands(name: str) -> None:
    job = JOBS[name]
    limits = container(job)["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "1"
    assert int(limits["cpu"]) >= 4
    assert int(limits["memory"].removesuffix("Gi")) >= 16
    assert task(job)["nodeSelector"] == {"run.googleapis.com/accelerator": "nvidia-l4"}
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    assert annotations["run.googleapis.com/gpu-zonal-redundancy-disabled"] == "true"
    assert container(job)["image"] == NAMES["GPU_IMAGE"]


@pytest.mark.parametrize("name", ["daily-cpu", "hourly", "doctor"])
def test_a_cpu_job_asks_for_no_gpu(name: str) -> None:
    job = JOBS[name]
    assert "nvidia.com/gpu" not in container(job)["resources"]["limits"]
    assert "nodeSelector" not in task(job)
    assert environment(job)["FORECASTLAB_DEVICE"] == "cpu"
    assert container(job)["image"] == NAMES["CPU_IMAGE"]


def test_both_variants_of_the_daily_job_make_the_same_records() -> None:
    gpu, cpu = JOBS["daily-gpu"], JOBS["daily-cpu"]
    about_the_gpu = {"FORECASTLAB_DEVICE", "FORECASTLAB_EXPECT_GPU"}
    same = [
        {name: value for name, value in environment(one).items() if name not in about_the_gpu}
        for one in (gpu, cpu)
    ]
    assert same[0] == same[1]
    assert gpu["metadata"] == cpu["metadata"]
    assert container(gpu)["command"] == container(cpu)["command"]
    assert task(gpu)["timeoutSeconds"] == task(cpu)["timeoutSeconds"]
    assert environment(gpu)["FORECASTLAB_DEVICE"] == "auto"
    assert environment(gpu)["FORECASTLAB_EXPECT_GPU"] == "1"


@pytest.mark.parametrize("name", ["daily-gpu", "daily-cpu", "hourly"])
def test_a_morning_runs_the_script_that_the_image_holds(name: str) -> None:
    command = container(JOBS[name])["command"]
    assert command == ["python", "scripts/run_daily_prediction.py"]
    assert f"COPY {command[1]}" in (ROOT / "Dockerfile.job").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["daily-gpu", "daily-cpu", "hourly"])
def test_there_is_a_task_for_each_deployment(name: str) -> None:
    job = JOBS[name]
    listed = environment(job)["FORECASTLAB_DEPLOYMENTS"].split(",")
    assert execution(job)["taskCount"] == execution(job)["parallelism"] == len(listed)


def test_secrets_are_pinned() -> None:
    secrets = [
        value["secretKeyRef"]
        for job in JOBS.values()
        for value in environment(job).values()
        if isinstance(value, dict)
    ]
    assert {one["name"] for one in secrets} == {"forecastlab-deepseek", "forecastlab-notify"}
    assert all(one["key"].isdigit() for one in secrets)


@pytest.mark.parametrize("name", ["daily-cpu", "daily-gpu", "hourly", "retrain"])
def test_every_job_that_works_can_tell_people(name: str) -> None:
    told = environment(JOBS[name])["FORECASTLAB_NOTIFY_SECRET"]
    assert told == {"secretKeyRef": {"name": "forecastlab-notify", "key": "1"}}


def test_the_dashboard_is_behind_the_proxy() -> None:
    web = RUN["web"]
    assert web["metadata"]["annotations"]["run.googleapis.com/iap-enabled"] == "true"
    spec = web["spec"]["template"]["spec"]
    (one,) = spec["containers"]
    shown = {entry["name"]: entry["value"] for entry in one["env"]}
    assert shown["FORECASTLAB_DASHBOARD_ACCESS"] == "iap"
    assert spec["serviceAccountName"].startswith("forecastlab-web@")
    assert one["startupProbe"]["httpGet"]["path"] == "/_stcore/health"
    assert spec["timeoutSeconds"] == 3600


@pytest.mark.parametrize("name", SCHEDULER)
def test_the_scheduler_starts_a_job_that_stands(name: str) -> None:
    entry = SCHEDULER[name]
    started = entry["httpTarget"]["uri"].rpartition("/")[2]
    names = {f"{one['metadata']['name']}:run" for one in JOBS.values()}
    assert started in names
    assert entry["httpTarget"]["httpMethod"] == "POST"
    token = entry["httpTarget"]["oauthToken"]
    assert token["serviceAccountEmail"].startswith("forecastlab-scheduler@")
    assert token["scope"].endswith("/cloud-platform")


def test_the_morning_starts_five_minutes_after_the_close() -> None:
    assert SCHEDULER["daily"]["schedule"] == "5 8 * * *"
    zone = ZoneInfo(SCHEDULER["daily"]["timeZone"])
    for month in (1, 7):  # no summer time
        local = datetime(2026, month, 1, 8, 5, tzinfo=zone)
        assert local.astimezone(UTC).time() == datetime(2026, 1, 1, 0, 5).time()  # noqa: DTZ001


def test_what_is_optional_starts_paused() -> None:
    paused = {name for name, entry in SCHEDULER.items() if entry.get("state") == "PAUSED"}
    assert paused == {"hourly", "retrain"}
    assert SCHEDULER["hourly"]["schedule"] == "5 * * * *"


def test_no_alert_watches_an_absence_longer_than_it_can() -> None:
    absences = [
        condition["conditionAbsent"]
        for policy in ALERTS.values()
        for condition in policy["conditions"]
        if "conditionAbsent" in condition
    ]
    assert absences
    assert all(int(one["duration"].removesuffix("s")) <= 23.5 * 3600 for one in absences)


def test_alerts_name_jobs_that_stand() -> None:
    text = "".join(str(policy["conditions"]) for policy in ALERTS.values())
    assert "forecastlab-(daily|hourly|retrain)" in text
    assert "forecastlab-doctor" in text
    names = {one["metadata"]["name"] for one in JOBS.values()}
    assert {f"forecastlab-{one}" for one in ("daily", "hourly", "retrain", "doctor")} == names


def test_a_log_alert_is_limited() -> None:
    for policy in ALERTS.values():
        if any("conditionMatchedLog" in one for one in policy["conditions"]):
            assert policy["alertStrategy"]["notificationRateLimit"]["period"]


def test_the_bucket_keeps_what_is_overwritten_or_deleted() -> None:
    bucket = filled_in("bucket.yaml")
    assert bucket["versioning"]["enabled"] is True
    assert int(bucket["softDeletePolicy"]["retentionDurationSeconds"]) >= 30 * 86400
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"] is True
    for rule in filled_in("lifecycle.yaml")["rule"]:
        condition = rule["condition"]
        assert condition.get("isLive") is False or condition["matchesPrefix"] == ["builds/"]


def test_no_identity_has_a_broad_role() -> None:
    identities = filled_in("identities.yaml")
    assert len(identities["accounts"]) == 4
    grants = [*identities["grants"], *identities["later_grants"]]
    known = {one["name"] for one in identities["accounts"]}
    assert {one["account"] for one in grants} == known
    roles = {(one["account"], one["role"]) for one in grants}
    assert not [role for _, role in roles if role.endswith((".admin", "/owner", "/editor"))]
    assert {role for who, role in roles if who == "forecastlab-scheduler"} == {
        "roles/run.jobsExecutor"
    }
    assert {role for who, role in roles if who == "forecastlab-web"} == {
        "roles/storage.objectViewer"
    }
    assert {role for who, role in roles if who == "forecastlab-job"} == {"roles/storage.objectUser"}
    of_project = [one for one in grants if one["resource"] == "project"]
    assert {one["account"] for one in of_project} == {"forecastlab-deploy"}
