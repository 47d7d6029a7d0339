"""The command line of a service, the same wherever it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.deployment.descriptor import Descriptor


def options(number: int, descriptor: Descriptor) -> dict[str, object]:
    """Return the options of a revision that do not depend on where it runs."""
    service = descriptor.service
    return {
        "revision": number,
        "log-sample": service.log_sample,
        "log-limit-mb": service.log_limit_mb,
        "batch-rows": service.batch_rows,
        "batch-delay-ms": service.batch_delay_ms,
        "body-limit-mb": service.body_limit_mb,
        "timeout-s": service.timeout_s,
        "drain-s": service.drain_s,
    }


def arguments(options: Mapping[str, object]) -> list[str]:
    """Return options as a command line has them."""
    return [text for name, value in options.items() for text in (f"--{name}", str(value))]


def workers(descriptor: Descriptor) -> int:
    """Return how many processes answer on one machine, in place of replicas."""
    return max(1, descriptor.replicas.min)
