"""Execute a notebook with papermill: this interpreter's kernel, a journal entry for each cell.

Papermill marks cells of a killed kernel as completed and writes its output in place. So success is
what this module saw, and every save replaces the file as a whole.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook
from papermill.iorw import LocalHandler, papermill_io

from mlops_nb import processes
from mlops_nb.capture.environment import is_secret_name
from mlops_nb.capture.secrets import masked_data
from mlops_nb.exceptions import StageError
from mlops_nb.files import replace_file
from mlops_nb.journal import CellsDone, CellStarted, emit
from mlops_nb.stages import StoppedError, volume
from mlops_nb.stages.outputs import Limit, RedactedFile, Redaction
from mlops_nb.types import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENGINE = "mlops_nb"
SCHEME = "replace:"
AUTOSAVE_S = 2
STOP_S = 0.05
INJECTED_TAG = "injected-parameters"
_OUTPUTS = {"stream", "display_data", "execute_result", "update_display_data", "error"}
_CAUSES = {
    "SIGKILL": "often the machine was out of memory: take less data, or end other programs",
    "SIGSEGV": "look for a crash in native code: run the cell with faulthandler.enable()",
    "SIGABRT": "look for a crash in native code: run the cell with faulthandler.enable()",
}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

# What a kernel inherits. Anything else that a notebook reads is named in environment.variables and
# recorded. The storage credentials are those that MLflow's artifact stores read. Which experiment,
# run and model are the active ones is a matter of the session that asked: MLflow writes it into the
# environment for the children of that process.
_INHERITED = re.compile(
    r"(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_.*"
    r"|VIRTUAL_ENV|CONDA_.*|CUDA_.*|NVIDIA_.*|OMP_.*|MKL_.*|OPENBLAS_.*|.*_proxy|.*_PROXY"
    r"|SSL_.*|REQUESTS_CA_BUNDLE|XDG_.*|JUPYTER_.*|IPYTHONDIR"
    r"|MLFLOW_(?!EXPERIMENT_ID|EXPERIMENT_NAME|RUN_ID|RUN_CONTEXT|ACTIVE_MODEL_ID).*"
    r"|MLOPS_.*|AWS_.*|AZURE_.*|GOOGLE_.*)"
)


def execute(
    source: Path,
    output: Path,
    *,
    parameters: Mapping[str, Any],
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    setup: str,
    cell_timeout_s: int | None,
    after_cell: Callable[[], None],
    stop: Path | None = None,
) -> None:
    """Execute a notebook and keep it, as far as it came, at `output`.

    Args:
        source: The notebook.
        output: The executed notebook; replaced as a whole at each save.
        parameters: Values for papermill's injected-parameters cell.
        environment: Variables for the kernel, beside those that any kernel inherits.
        secrets: Further ones, whose values are removed from all that the notebook prints.
        setup: Python code for the kernel to run first, unseen by the notebook.
        cell_timeout_s: Seconds that a cell may take, None for no limit.
        after_cell: Called when a code cell has ended.
        stop: A file that ends the kernel as soon as it is there; it holds a `Stop`.

    Raises:
        StageError: A cell raised, took too long, or its kernel died.
        StoppedError: Somebody wrote `stop`.
    """
    inherited = {name: v for name, v in os.environ.items() if _INHERITED.fullmatch(name)}
    progress = _Progress(after_cell, stop)
    kept_back = [value for name, value in inherited.items() if is_secret_name(name)]
    redaction = Redaction([*secrets.values(), *kept_back])
    papermill_io.register(SCHEME, _ReplacingHandler(redaction))
    try:
        execute_notebook(
            _as_it_is(source),
            f"{SCHEME}{_as_it_is(output)}",
            parameters=dict(parameters),
            engine_name=ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            stdout_file=RedactedFile(sys.stdout, redaction),
            stderr_file=RedactedFile(sys.stderr, redaction),
            autosave_cell_every=AUTOSAVE_S,
            execution_timeout=cell_timeout_s,
            mlops_environment={**inherited, **environment, **secrets},
            mlops_setup=setup,
            mlops_progress=progress,
        )
    except PapermillExecutionError as error:
        raise StageError(
            f"{progress.where} raised {error.ename}: {redaction(_ANSI.sub('', error.evalue))}",
            hint=f"the traceback is in the executed notebook: {output}",
            cell=progress.cell,
            cause=error.ename,
        ) from None
    except CellTimeoutError:
        raise StageError(
            f"{progress.where} took longer than {cell_timeout_s} s",
            hint="make it faster, or raise run.cell_timeout_s in mlops.toml",
            cell=progress.cell,
            cause="CellTimeoutError",
        ) from None
    except OSError as error:
        # The kernel's own errors are errors of a cell: this one is of saving what the cell said.
        raise StageError(
            f"in {progress.where} the executed notebook could not be saved: {error.strerror}",
            hint=f"make room on the disk of {output.parent}, then resume the run",
            cell=progress.cell,
            cause=type(error).__name__,
        ) from error
    except DeadKernelError:
        if progress.stopped is not None:
            raise StoppedError(
                progress.stopped.message,
                hint=f"the notebook is kept as far as it came: {output}",
                cell=progress.cell,
                cause=progress.stopped.type,
            ) from None
        how = f" of {progress.signal}" if progress.signal else ""
        peak = f"the run's processes held {processes.peak_memory_bytes() / 1e6:,.0f} MB at the most"
        raise StageError(
            f"the kernel died{how} in {progress.where}; {peak}",
            hint=_advice(progress.signal),
            cell=progress.cell,
            cause="DeadKernelError",
        ) from None


class _Progress:
    """Which cell runs, counted over the cells of the user's own file."""

    def __init__(self, after_cell: Callable[[], None], stop: Path | None) -> None:
        self.after_cell, self.stop = after_cell, stop
        self.stopped: Stop | None = None
        self.cell: int | None = None
        self.source = ""
        self.signal: str | None = None

    @property
    def where(self) -> str:
        return f"cell {self.cell} (`{self.source}`)" if self.cell else "the parameters' cell"

    def begin(self, cells: list[Any], index: int) -> None:
        code = [i for i, cell in enumerate(cells) if _is_code(cell)]
        injected = sum(_is_injected(cell) for cell in cells[: index + 1])
        self.cell = index + 1 - injected if not _is_injected(cells[index]) else None
        self.source = _first_line(cells[index].source)
        print(f"== {self.where}", flush=True)
        emit(CellStarted(done=code.index(index), total=len(code), source=self.source))

    def end(self) -> None:
        self.after_cell()

    def watch(self, manager: Any) -> None:
        """End the kernel when the notebook is to stop, whatever it is busy with."""
        if self.stop is not None:
            arguments = (self.stop, manager.provisioner.process)
            threading.Thread(target=self._end, args=arguments, daemon=True, name="stop").start()

    def _end(self, stop: Path, kernel: Any) -> None:
        while kernel.poll() is None:
            if stop.is_file():
                self.stopped = msgspec.json.decode(stop.read_bytes(), type=Stop)
                # Its own session: what the notebook has started goes with it.
                with suppress(ProcessLookupError):
                    os.killpg(kernel.pid, signal.SIGKILL)
                return
            time.sleep(STOP_S)

    def kernel_ended(self, manager: Any) -> None:
        """Remember the signal that ended the kernel, where one did."""
        process = getattr(manager.provisioner, "process", None)
        code = process.poll() if process is not None else None
        if code is not None and code < 0:
            self.signal = signal.Signals(-code).name

    def finish(self, cells: list[Any]) -> None:
        emit(CellsDone(total=sum(map(_is_code, cells))))


class _Kernel(AsyncKernelManager):
    """The kernel of this very interpreter, whatever kernels the user has by that name."""

    @property
    def kernel_spec(self) -> KernelSpec:
        # It warns of every kernel that it listens on loopback without encryption.
        quiet = "--IPKernelApp.log_level=ERROR"
        argv = [sys.executable, "-m", "ipykernel_launcher", quiet, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def __init__(self, nb_man: Any, *, setup: str, progress: _Progress, **kwargs: Any) -> None:
        super().__init__(nb_man, kernel_manager_class=_Kernel, **kwargs)
        self.setup, self.progress, self.limit = setup, progress, Limit()
        self.on_cell_execute = lambda cell, cell_index: progress.begin(self.nb.cells, cell_index)
        self.on_cell_executed = lambda **_: progress.end()

    def papermill_execute_cells(self) -> None:
        """Execute the cells, and mark each as it ended.

        Papermill calls a cell completed whose kernel died, and all that were to come after it.
        """
        self._prepare_kernel()
        self.progress.watch(self.km)
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            try:
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                self.nb_man.cell_complete(cell, cell_index=index)
                return
            except BaseException:
                cell.metadata.papermill.update(status="failed", exception=True)
                self.nb_man.cell_complete(cell, cell_index=index)
                self.progress.kernel_ended(self.km)
                raise
            self.nb_man.cell_complete(cell, cell_index=index)
        self.progress.finish(self.nb.cells)

    def process_message(
        self, msg: dict[str, Any], cell: Any, cell_index: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Take what the kernel says, without the secrets that it says and the rest of too much."""
        kind = msg["header"]["msg_type"]
        if kind in _OUTPUTS:
            kept = self.limit(msg, cell_index)
            if kept is None:
                return None
            msg = {**kept, "content": masked_data(kept["content"])}
            if kind == "error":
                self.stderr_file.write(_ANSI.sub("", "\n".join(msg["content"]["traceback"])) + "\n")
        elif kind == "clear_output":
            self.limit.forget(cell_index)
        return super().process_message(msg, cell, cell_index, *args, **kwargs)

    def _prepare_kernel(self) -> None:
        reply = self.wait_for_reply(self.kc.execute(self.setup, silent=True, store_history=False))
        content = reply["content"] if reply else {"status": "error", "ename": "no answer"}
        if content["status"] != "ok":
            raise StageError(
                f"the kernel cannot be prepared: {content.get('ename')}: {content.get('evalue')}",
                hint="see the stage's log",
            )


class _Engine(NBClientEngine):  # type: ignore[misc]
    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        mlops_environment: Mapping[str, str],
        mlops_setup: str,
        mlops_progress: _Progress,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **_: Any,
    ) -> Any:
        client = _Client(
            nb_man,
            setup=mlops_setup,
            progress=mlops_progress,
            kernel_name=kernel_name,
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
        )
        return client.execute(env=dict(mlops_environment))


def _as_it_is(path: Path) -> str:
    """Return a path for papermill, which puts parameters into the braces of one."""
    return str(path).replace("{", "{{").replace("}", "}}")


class _ReplacingHandler(LocalHandler):  # type: ignore[misc]
    """Papermill truncates the file that it saves to; a crash or a full disk would empty it."""

    def __init__(self, redaction: Redaction) -> None:
        self.redaction = redaction

    def write(self, buf: str, path: str) -> None:
        replace_file(Path(path.removeprefix(SCHEME)), self.redaction(buf).encode())

    def pretty_path(self, path: str) -> str:
        return path.removeprefix(SCHEME)


papermill_engines.register(ENGINE, _Engine)


def _advice(signal_name: str | None) -> str:
    if signal_name == "SIGKILL" and volume.in_pod():
        return "often the pod was out of memory: raise resources.memory in mlops.toml"
    return _CAUSES.get(signal_name or "", "see the last lines of the stage's log")


def _is_code(cell: Any) -> bool:
    return bool(cell.cell_type == "code" and cell.source.strip())


def _is_injected(cell: Any) -> bool:
    return INJECTED_TAG in cell.metadata.get("tags", [])


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")[:100]
