"""Many deployments in one job: its tasks share the list, and each looks after its own entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forecastlab.contracts.cloud_task import CloudTask
from forecastlab.usecases.workspace import Workspace


def share(deployments: Sequence[str], task: CloudTask) -> tuple[str, ...]:
    """Return a task's entries of the list; together the tasks have each entry once.

    >>> share(["a", "b", "c"], CloudTask(index=0, count=2))
    ('a', 'c')
    """
    return tuple(deployments[task.index :: task.count])


def with_own_override(workspace: Workspace) -> Workspace:
    """Drop an override that belongs to another deployment of the list.

    Raises:
        BundleRefused: the overriding bundle does not verify; whose it is cannot be known.
    """
    folder = workspace.production_dir
    if folder is None:
        return workspace
    owner = workspace.bundles.read_folder(folder).manifest.deployment
    return workspace if owner == workspace.deployment else replace(workspace, production_dir=None)
