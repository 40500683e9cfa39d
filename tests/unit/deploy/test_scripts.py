"""The scripts of the deployment, run with a gcloud that takes notes."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.support.deployment import DEPLOY, NAMES, Gcloud, Script, documents, filled_in

ARGUMENTS: Final = ("my-project", "asia-southeast1", "my-bucket")
TAGGED: Final = (*ARGUMENTS, "--tag", "v1")

NOTHING_THERE: Final = {
    "projects describe": "0|4711",
    "channels list": "0|",
    "policies list": "0|",
    "run jobs describe forecastlab-": "0|",
    " describe ": "1|",
}
"""An empty project; the jobs stand by the time that they are asked for."""

LOOKS: Final = {"describe", "list"}


@pytest.fixture
def gcloud(tmp_path: Path) -> Gcloud:
    return Gcloud(tmp_path)


def changes(script: Script) -> list[tuple[str, ...]]:
    return [call for call in script.calls if not LOOKS & set(call)]


def option(call: tuple[str, ...], name: str) -> str:
    return call[call.index(name) + 1]


def printed(out: str) -> Iterator[tuple[str, ...]]:
    for line in out.splitlines():
        if line.startswith("gcloud "):
            yield tuple(shlex.split(line))[4:]


def without_folders(calls: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the calls with the random folders of rendered files taken off."""
    return [
        tuple(Path(word).name if word.startswith("/") else word for word in call) for call in calls
    ]


def test_an_empty_project_is_set_up(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", *ARGUMENTS, "--email", "a@b.co", answers=NOTHING_THERE)
    assert done.code == 0, done.err
    assert len(done.calls_of("storage", "buckets", "create")) == 1
    assert len(done.calls_of("iam", "service-accounts", "create")) == 4
    (build,) = done.calls_of("builds", "submit")
    said = dict(one.split("=") for one in option(build, "--substitutions").split(","))
    assert said.keys() == {"_REGION", "_BUCKET", "_RUNTIME", "_TAG"}
    assert (said["_REGION"], said["_BUCKET"], said["_RUNTIME"]) == (*ARGUMENTS[1:], "gpu")
    (channel,) = done.calls_of("beta", "monitoring", "channels", "create")
    assert option(channel, "--channel-labels") == "email_address=a@b.co"
    (invoker,) = done.calls_of("run", "services", "add-iam-policy-binding")
    assert "service-4711@gcp-sa-iap" in option(invoker, "--member")


def test_the_bucket_gets_what_its_yaml_says(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", *ARGUMENTS, answers=NOTHING_THERE)
    bucket = filled_in("bucket.yaml")
    (create,) = done.calls_of("storage", "buckets", "create")
    assert create[3] == f"gs://{bucket['name']}"
    assert option(create, "--location") == bucket["location"]
    assert option(create, "--default-storage-class") == bucket["storageClass"]
    (update,) = done.calls_of("storage", "buckets", "update")
    seconds = bucket["softDeletePolicy"]["retentionDurationSeconds"]
    assert option(update, "--soft-delete-duration") == f"{seconds}s"
    assert {"--versioning", "--uniform-bucket-level-access", "--public-access-prevention"} <= {
        *update
    }
    assert done.document("lifecycle") == filled_in("lifecycle.yaml")


def granted(done: Script) -> Iterator[tuple[str, str, str, str]]:
    """Yield account, role, resource and condition of each grant to one of the four identities."""
    places = {
        ("storage", "buckets"): lambda _: "bucket",
        ("artifacts", "repositories"): lambda _: "repository",
        ("projects", "add-iam-policy-binding"): lambda _: "project",
        ("iam", "service-accounts"): lambda call: f"account {call[3].split('@')[0]}",
        ("run", "jobs"): lambda call: f"job {call[3]}",
    }
    for call in done.calls:
        if "add-iam-policy-binding" not in call or call[:2] not in places:
            continue
        member = option(call, "--member").removeprefix("serviceAccount:").split("@")[0]
        condition = ""
        if "--condition-from-file" in call:
            condition = Path(option(call, "--condition-from-file")).stem
        yield member, option(call, "--role"), places[call[:2]](call), condition


def test_every_identity_gets_its_grants_and_no_other(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", *ARGUMENTS, answers=NOTHING_THERE)
    identities = filled_in("identities.yaml")
    asked = [
        (one["account"], one["role"], one["resource"], one.get("condition", ""))
        for one in (*identities["grants"], *identities["later_grants"])
    ]
    assert list(granted(done)) == asked
    assert done.document("store") == filled_in("conditions/store.yaml")


def test_the_schedule_is_that_of_its_yaml(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", *ARGUMENTS, answers=NOTHING_THERE)
    creates = {call[4]: call for call in done.calls_of("scheduler", "jobs", "create", "http")}
    for entry in documents("scheduler").values():
        call = creates.pop(entry["name"].rpartition("/")[2])
        target, retries = entry["httpTarget"], entry["retryConfig"]
        given = {name: option(call, name) for name in call if name.startswith("--")}
        assert given == {
            "--location": "asia-southeast1",
            "--schedule": entry["schedule"],
            "--time-zone": entry["timeZone"],
            "--description": entry["description"],
            "--attempt-deadline": entry["attemptDeadline"],
            "--max-retry-attempts": str(retries["retryCount"]),
            "--min-backoff": retries["minBackoffDuration"],
            "--uri": target["uri"],
            "--http-method": target["httpMethod"],
            "--oauth-service-account-email": target["oauthToken"]["serviceAccountEmail"],
            "--oauth-token-scope": target["oauthToken"]["scope"],
        }
    assert not creates
    paused = [call[3] for call in done.calls_of("scheduler", "jobs", "pause")]
    assert paused == ["forecastlab-hourly", "forecastlab-retrain"]


def test_the_alerts_are_those_of_their_yaml(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", *ARGUMENTS, answers=NOTHING_THERE)
    assert len(done.calls_of("monitoring", "policies", "create")) == 3
    for name, policy in documents("alerts").items():
        assert done.document(name) == policy


def test_a_second_run_creates_nothing_and_pauses_nothing(gcloud: Gcloud) -> None:
    answers = {"channels list": "0|channel-1", "policies list": "0|policy-1"}
    done = gcloud.script("setup.sh", *ARGUMENTS, "--email", "a@b.co", answers=answers)
    assert done.code == 0, done.err
    identity = ("beta", "services", "identity", "create")  # says so itself where it exists
    assert [call for call in done.calls if "create" in call and call[:4] != identity] == []
    assert done.calls_of("scheduler", "jobs", "pause") == []
    assert len(done.calls_of("scheduler", "jobs", "update", "http")) == 4
    updates = done.calls_of("monitoring", "policies", "update")
    assert {option(call, "--set-notification-channels") for call in updates} == {"channel-1"}


@pytest.mark.parametrize("runtime", ["gpu", "cpu"])
def test_a_dry_run_prints_every_command_and_runs_none(gcloud: Gcloud, runtime: str) -> None:
    flags = (*ARGUMENTS, "--runtime", runtime, "--email", "a@b.co")
    dry = gcloud.script("setup.sh", *flags, "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.calls == ()
    real = gcloud.script("setup.sh", *flags, answers=NOTHING_THERE)
    tag = option(real.calls_of("builds", "submit")[0], "--substitutions").rpartition("=")[2]
    release = gcloud.script(
        "release.sh", *ARGUMENTS, "--tag", tag, "--runtime", runtime, answers=NOTHING_THERE
    )
    secret = ("secrets", "add-iam-policy-binding")  # there is no secret in the empty project
    told = [call for call in printed(dry.out) if call[:2] != secret]
    done = [*changes(real), *changes(release)]
    unnamed = [
        tuple(word.replace("4711", "NUMBER") for word in call) for call in without_folders(done)
    ]
    channel = ("--notification-channels", "CHANNEL")
    plain = [tuple(word for word in call if word not in channel) for call in without_folders(told)]
    assert sorted(plain) == sorted(unnamed)


def test_a_dry_run_needs_no_gcloud() -> None:
    done = subprocess.run(
        [str(DEPLOY / "setup.sh"), *ARGUMENTS, "--dry-run"],
        env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(printed(done.stdout))) > 30


def test_a_failure_stops_and_says_how_to_go_on(gcloud: Gcloud) -> None:
    answers = {"storage buckets create": "1|", **NOTHING_THERE}
    done = gcloud.script("setup.sh", *ARGUMENTS, answers=answers)
    assert done.code == 3
    assert done.calls[-1][:3] == ("storage", "buckets", "create")
    assert "ERROR: (gcloud) the stub says no" in done.err
    assert "then run setup.sh again" in done.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("my-project", "asia-southeast1"), "usage: setup.sh PROJECT REGION BUCKET"),
        ((*ARGUMENTS, "--runtime"), "usage:"),
        ((*ARGUMENTS, "--frob"), "usage:"),
        ((*ARGUMENTS, "--runtime", "tpu"), "--runtime is gpu or cpu"),
        (("My Project", *ARGUMENTS[1:]), "no project id"),
        (("my-project", "Singapore", "my-bucket"), "no region"),
        ((*ARGUMENTS[:2], "Bucket!"), "no bucket's name"),
        (("my-project", "europe-north1", "my-bucket"), "no L4 in europe-north1"),
    ],
)
def test_a_wrong_argument_is_refused(gcloud: Gcloud, arguments: tuple[str, ...], part: str) -> None:
    done = gcloud.script("setup.sh", *arguments)
    assert (done.code, done.calls) == (2, ())
    assert part in done.err


def test_the_cheap_variant_may_run_where_no_gpu_is(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", "my-project", "europe-north1", "my-bucket", "--runtime", "cpu")
    assert done.code == 0, done.err


def test_a_region_that_the_exchange_refuses_is_named(gcloud: Gcloud) -> None:
    done = gcloud.script("setup.sh", "my-project", "us-east4", "my-bucket", "--dry-run")
    assert "HTTP 451" in done.err


RELEASE: Final = {"run jobs list": "0|forecastlab-daily", "--format json": "0|{}"}


@pytest.mark.parametrize("runtime", ["gpu", "cpu"])
def test_a_release_tries_before_it_replaces(gcloud: Gcloud, runtime: str) -> None:
    done = gcloud.script("release.sh", *TAGGED, "--runtime", runtime, answers=RELEASE)
    assert done.code == 0, done.err
    order = [(call[1], call[2], Path(call[3]).stem) for call in changes(done)]
    assert order == [
        ("jobs", "replace", "trial"),
        ("jobs", "execute", "forecastlab-trial"),
        ("jobs", "replace", f"daily-{runtime}"),
        ("jobs", "replace", "hourly"),
        ("jobs", "replace", "doctor"),
        ("services", "replace", "web"),
        ("jobs", "replace", "retrain"),
    ]
    (trial,) = done.calls_of("run", "jobs", "execute")
    assert {"--args=--dry-run", "--wait"} <= {*trial}
    for name in (f"daily-{runtime}", "hourly", "doctor", "web", "retrain"):
        assert done.document(name) == filled_in(f"run/{name}.yaml")
    tried, daily = done.document("trial"), done.document(f"daily-{runtime}")
    as_text = yaml.safe_dump(daily).replace("forecastlab-daily", "forecastlab-trial")
    assert tried == yaml.safe_load(as_text)


def test_a_failed_trial_leaves_all_that_stands(gcloud: Gcloud) -> None:
    done = gcloud.script("release.sh", *TAGGED, answers={"jobs execute": "1|", **RELEASE})
    assert done.code == 3
    replaced = [Path(call[3]).stem for call in done.calls_of("run", "jobs", "replace")]
    assert replaced == ["trial"]
    assert "All that stood before it still stands" in done.err


def test_the_first_release_meets_no_job(gcloud: Gcloud) -> None:
    answers = {"run jobs list": "0|", "run jobs describe": "1|"}
    done = gcloud.script("release.sh", *TAGGED, answers=answers)
    assert done.code == 0, done.err
    assert len(done.calls_of("run", "jobs", "replace")) == 5


@pytest.mark.parametrize("look", ["run jobs list", "run jobs describe forecastlab-daily"])
def test_a_job_that_cannot_be_seen_does_not_pass_for_unpinned(gcloud: Gcloud, look: str) -> None:
    done = gcloud.script("release.sh", *TAGGED, answers={f"{look} --region": "1|", **RELEASE})
    assert done.code == 3
    assert changes(done) == []
    assert f"this command failed: gcloud {look}" in done.err


@pytest.mark.parametrize("secret", ["forecastlab-deepseek", "forecastlab-notify"])
def test_a_release_may_see_which_versions_of_a_secret_there_are(
    gcloud: Gcloud, secret: str
) -> None:
    """Without that right it would leave every secret out, and say that there is none."""
    done = gcloud.script("setup.sh", *ARGUMENTS)
    given = {
        (option(call, "--member").split("@")[0], option(call, "--role"))
        for call in done.calls_of("secrets", "add-iam-policy-binding", secret)
    }
    assert given == {
        ("serviceAccount:forecastlab-job", "roles/secretmanager.secretAccessor"),
        ("serviceAccount:forecastlab-deploy", "roles/secretmanager.viewer"),
    }


def test_a_pinned_job_is_not_released_over(gcloud: Gcloud) -> None:
    pinned = '{"env": [{"name": "PRODUCTION_DIR", "value": "models/production/old"}]}'
    answers = {**RELEASE, "--format json": f"0|{pinned}"}
    done = gcloud.script("release.sh", *TAGGED, answers=answers)
    assert done.code == 2
    assert changes(done) == []
    assert "pinned to models/production/old" in done.err
    assert "forecastlab cloud unpin" in done.err


def test_a_secret_that_is_not_there_is_left_out(gcloud: Gcloud) -> None:
    answers = {"secrets versions describe": "1|", **RELEASE}
    done = gcloud.script("release.sh", *TAGGED, answers=answers)
    assert done.code == 0, done.err
    assert "forecastlab-deepseek" in done.err
    assert "forecastlab-notify" in done.err
    for name in ("trial", "daily-gpu", "hourly"):
        text = (done.applied / f"{name}.yaml").read_text(encoding="utf-8")
        assert "secretKeyRef" not in text
        assert done.document(name)["kind"] == "Job"


def test_training_without_quota_does_not_stop_the_cheap_variant(gcloud: Gcloud) -> None:
    answers = {"retrain.yaml": "1|", **RELEASE}
    cheap = gcloud.script("release.sh", *TAGGED, "--runtime", "cpu", answers=answers)
    assert cheap.code == 0
    assert "needs the GPU quota of asia-southeast1" in cheap.err
    assert gcloud.script("release.sh", *TAGGED, answers=answers).code == 3


def test_a_release_without_a_tag_is_refused(gcloud: Gcloud) -> None:
    assert gcloud.script("release.sh", *ARGUMENTS).code == 2


def test_the_images_of_the_yaml_are_those_that_are_built() -> None:
    built = (DEPLOY.parent / "cloudbuild.yaml").read_text(encoding="utf-8")
    prefix = "$_REGION-docker.pkg.dev/$PROJECT_ID/forecastlab"
    assert f"image={prefix}/job:$_TAG-$RUNTIME" in built
    assert f"image={prefix}/web:$_TAG" in built
    names = {name: value.rpartition("/")[2] for name, value in NAMES.items() if "IMAGE" in name}
    assert names == {"CPU_IMAGE": "job:v1-cpu", "GPU_IMAGE": "job:v1-gpu", "WEB_IMAGE": "web:v1"}
