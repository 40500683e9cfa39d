"""What the deployment costs a month, for `docs/cloud.md`: runs × seconds × size × price."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from forecastlab.contracts.errors import DataMalformed

_LIMITS: Final = {
    "cpus": r'^ +cpu: "?(\d+)"?$',
    "memory_gib": r"^ +memory: (\d+)Gi$",
    "gpus": r'^ +nvidia\.com/gpu: "?(\d+)"?$',
}


@dataclass(frozen=True)
class JobSize:
    """What a job's container is given."""

    cpus: int
    memory_gib: int
    gpus: int = 0


def job_size(text: str) -> JobSize:
    r"""Read the limits of a job's YAML.

    Raises:
        DataMalformed: it states no CPUs or no memory, or several.

    >>> job_size('limits:\n  cpu: "4"\n  memory: 16Gi\n')
    JobSize(cpus=4, memory_gib=16, gpus=0)
    """
    found = {name: re.findall(form, text, re.MULTILINE) for name, form in _LIMITS.items()}
    if len(found["cpus"]) != 1 or len(found["memory_gib"]) != 1 or len(found["gpus"]) > 1:
        raise DataMalformed(
            "A job's YAML does not state one limit of CPUs and of memory.",
            remedy="Write them under resources: limits:, once.",
        )
    return JobSize(**{name: int(one[0]) for name, one in found.items() if one})


def cost_table(prices: Mapping[str, Any], sizes: Mapping[str, JobSize]) -> str:
    """Write prices, costs of each job, and what they add up to, in Markdown.

    Args:
        prices: `deploy/prices.toml`.
        sizes: job -> its size; each has its line in the prices.
    """
    jobs, usd = prices["jobs"], prices["usd"]
    costs = {name: _cost(jobs[name], size, usd) for name, size in sizes.items()}
    lines = [
        _basis(prices, usd),
        "",
        "| job | runs | seconds | USD |",
        "|---|---|---|---|",
        *(
            f"| {name} | {jobs[name]['runs']} | {jobs[name]['seconds']} | {cost:.2f} |"
            for name, cost in costs.items()
        ),
        "",
        f"{_sum(costs)} {_free(prices, sizes)} {_beside(prices['beside'])}",
    ]
    return "\n".join(lines) + "\n"


def _basis(prices: Mapping[str, Any], usd: Mapping[str, float]) -> str:
    return (
        "USD a month, without the free tier."
        f" *Prices*: {prices['region']}, as the billing catalogue listed them in"
        f" {prices['stated']}: {usd['vcpu_second']:.6f} per vCPU-second, {usd['gib_second']:.6f}"
        f" per GiB-second, {usd['l4_second']:.7f} per L4-second without zonal redundancy; other"
        f" regions differ, so [look]({prices['page']}) before you rely on it. *Computed* as runs ×"
        " seconds × (CPUs, GiB and GPUs of the job's YAML); the seconds are assumed, start"
        " included ([`deploy/prices.toml`](../deploy/prices.toml))."
    )


def _sum(costs: Mapping[str, float]) -> str:
    gpu, cpu = (costs[one] + costs["doctor"] for one in ("daily-gpu", "daily-cpu"))
    return (
        f"So the deployment as it is set up costs about **{gpu:.1f} (GPU) or {cpu:.1f} (CPU) USD a"
        " month** for its jobs."
    )


def _beside(beside: Mapping[str, float]) -> str:
    images = beside["images_gb"] * beside["image_gb_month"]
    return (
        f"Beside that, as estimated there: images {images:.1f} ({beside['image_gb_month']:.2f} per"
        f" GB), the fourth scheduler entry {beside['fourth_schedule_month']:.2f}, the bucket less"
        f" than {beside['bucket_month_at_most']:.2f}, each release about"
        f" {beside['build_of_a_release']:.1f} of build time, and the dashboard nothing while nobody"
        " looks."
    )


def _cost(job: Mapping[str, float], size: JobSize, usd: Mapping[str, float]) -> float:
    a_second = (
        size.cpus * usd["vcpu_second"]
        + size.memory_gib * usd["gib_second"]
        + size.gpus * usd["l4_second"]
    )
    return job["runs"] * job["seconds"] * a_second


def _free(prices: Mapping[str, Any], sizes: Mapping[str, JobSize]) -> str:
    """Say whether the free tier covers what the morning and its watch use, but for the GPU."""
    used = {"vcpu_seconds": 0.0, "gib_seconds": 0.0}
    for name in ("daily-gpu", "doctor"):
        seconds = prices["jobs"][name]["runs"] * prices["jobs"][name]["seconds"]
        used["vcpu_seconds"] += seconds * sizes[name].cpus
        used["gib_seconds"] += seconds * sizes[name].memory_gib
    free = prices["free"]
    covered = all(used[name] <= free[name] for name in used)
    told = "covers all of it but the GPU" if covered else "covers a part of it"
    return (
        f"The free tier ({free['vcpu_seconds']:,} vCPU-seconds and {free['gib_seconds']:,}"
        f" GiB-seconds) {told}."
    )
