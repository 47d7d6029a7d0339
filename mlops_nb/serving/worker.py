"""The thread that predicts, one prediction at a time, and the batches that wait for it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mlops_nb.serving import predictions
from mlops_nb.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.serving.options import Options

_WAITING = 1024


class TimedOut(Refusal):
    """A prediction took longer than it may."""


class Worker:
    """Predicts in a thread of its own, so that health is answered meanwhile.

    Args:
        predict: The model.
        options: Limits of time and of batches.
    """

    def __init__(self, predict: Callable[[Any], Any], options: Options) -> None:
        self._predict, self._options = predict, options
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._waiting = 0
        self._since: float | None = None
        self._batch: list[tuple[Any, asyncio.Future[Any]]] = []
        self._gathering: asyncio.Task[None] | None = None
        self.batches = 0

    @property
    def stuck(self) -> bool:
        """Whether a prediction goes on for much longer than it may."""
        since = self._since
        return since is not None and time.monotonic() - since > 2 * self._options.timeout_s

    async def predict(self, inputs: Any) -> Any:
        """Return the predictions for inputs.

        Raises:
            Refusal: Too many requests wait, or it took too long.
        """
        if self._waiting >= _WAITING:
            raise Refusal("too many requests wait", 503, {"Retry-After": "1"})
        self._waiting += 1
        try:
            return await asyncio.wait_for(self._asked(inputs), self._options.timeout_s)
        except ValueError as error:
            # What libraries raise of values that a model was not made for, such as a new category.
            raise Refusal(f"the model refuses the values: {error}"[:2000]) from error
        except asyncio.TimeoutError:
            limit = self._options.timeout_s
            raise TimedOut(f"the model took more than {limit:g} s", 504) from None
        finally:
            self._waiting -= 1

    def _asked(self, inputs: Any) -> asyncio.Future[Any]:
        if self._options.batch_rows > 1 and hasattr(inputs, "columns"):
            return self._in_batch(inputs)
        return asyncio.get_running_loop().run_in_executor(self._thread, self._call, inputs)

    def _call(self, inputs: Any) -> Any:
        self._since = time.monotonic()
        try:
            return self._predict(inputs)
        finally:
            self._since = None

    def _in_batch(self, inputs: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._batch.append((inputs, future))
        if self._gathering is None or self._gathering.done():
            self._gathering = loop.create_task(self._work())
        return future

    async def _work(self) -> None:
        """Predict batch after batch; while one is predicted the next one gathers."""
        await asyncio.sleep(self._options.batch_delay_ms / 1000)
        loop = asyncio.get_running_loop()
        while self._batch:
            taken = self._taken()
            try:
                found = await loop.run_in_executor(self._thread, self._joint, [i for i, _ in taken])
            except Exception as error:
                found = [error] * len(taken)
            for (_, future), prediction in zip(taken, found, strict=True):
                if future.done():
                    continue
                if isinstance(prediction, Exception):
                    future.set_exception(prediction)
                else:
                    future.set_result(prediction)

    def _taken(self) -> list[tuple[Any, asyncio.Future[Any]]]:
        taken, rows = [self._batch.pop(0)], 0
        rows = predictions.rows(taken[0][0])
        while (
            self._batch and rows + predictions.rows(self._batch[0][0]) <= self._options.batch_rows
        ):
            rows += predictions.rows(self._batch[0][0])
            taken.append(self._batch.pop(0))
        return taken

    def _joint(self, parts: list[Any]) -> list[Any]:
        """Predict several inputs as one; one by one where they do not go together."""
        self.batches += 1
        if len(parts) > 1:
            try:
                return _split(self._call(_joined(parts)), parts)
            except Exception:  # noqa: S110  (whose fault it is comes out one by one)
                pass
        return [self._alone(part) for part in parts]

    def _alone(self, inputs: Any) -> Any:
        try:
            return self._call(inputs)
        except Exception as error:
            return error


def _joined(parts: list[Any]) -> Any:
    import pandas as pd

    return pd.concat(parts, ignore_index=True)


def _split(found: Any, parts: list[Any]) -> list[Any]:
    sizes = [predictions.rows(part) for part in parts]
    if len(found) != sum(sizes):
        raise ValueError("not one prediction a row")
    split, at = [], 0
    for size in sizes:
        part = found.iloc[at : at + size] if hasattr(found, "iloc") else found[at : at + size]
        split.append(part)
        at += size
    return split
