"""Serve a package.

    python -m mlops_nb.serving PACKAGE [--port 8080] [--workers 1] ...

It exits with 1 where the model cannot be loaded, and says why in the last lines of its log.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import MlopsError
from mlops_nb.serving import options as given
from mlops_nb.serving.counters import Counters, shared_folder

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_nb.serving.options import Options

# Who asks just before a front has heard of the end is still let in.
_GRACE_S = 0.5
_BACKLOG = 1024
_TRIES = 5
_SETTLED_S = 30


def main() -> int:
    """Serve until asked to end; return the exit code."""
    options = given.read(sys.argv[1:])
    listening = _listen(options)
    if options.workers == 1:
        return _serve(listening, options, None)
    folder = shared_folder()
    try:
        return _Workers(listening, options, folder).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listen(options: Options) -> socket.socket:
    if options.fd >= 0:
        return socket.socket(fileno=options.fd)
    kind = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio looks for the protocol when it decides whether small answers leave at once.
    found = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((options.host, options.port))
    found.listen(_BACKLOG)
    return found


def _serve(listening: socket.socket, options: Options, folder: Path | None) -> int:
    from mlops_nb.serving.application import Application
    from mlops_nb.serving.model import Model

    try:
        model = Model(options.package)
    except MlopsError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return 1
    except BaseException as error:
        # Whatever the user's own modules raise while they are imported.
        traceback.print_exc()
        print(
            f"error: the model cannot be loaded: {type(error).__name__}: {error}", file=sys.stderr
        )
        return 1
    application = Application(model, options, Counters(folder))
    server = _server(application, options)
    print(f"{model.manifest.name} revision {options.revision} is served", file=sys.stderr)
    asyncio.run(server.serve(sockets=[listening]))
    application.close()
    return 0


def _server(application: Any, options: Options) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: object) -> None:
            """Say that no more should come, and go on answering what comes all the same."""
            application.draining = True
            threading.Timer(_GRACE_S, self._end).start()

        def _end(self) -> None:
            self.should_exit = True

    return Server(
        uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            http="httptools",
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=max(1, round(options.drain_s)),
            timeout_keep_alive=75,
            backlog=_BACKLOG,
        )
    )


class _Workers:
    """Several processes that answer on one socket; one that ends is started again."""

    def __init__(self, listening: socket.socket, options: Options, folder: Path) -> None:
        self.listening, self.options, self.folder = listening, options, folder
        self.pids: dict[int, float] = {}
        self.ending = False
        self.failures = 0

    def run(self) -> int:
        """Serve until asked to end, or until workers end too often."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for _ in range(self.options.workers):
            self._start()
        while self.pids:
            pid, status = os.wait()
            began = self.pids.pop(pid, None)
            (self.folder / f"{pid}.json").unlink(missing_ok=True)
            if began is None or self.ending:
                continue
            print(f"worker {pid} ended with {os.waitstatus_to_exitcode(status)}", file=sys.stderr)
            settled = time.monotonic() - began > _SETTLED_S
            self.failures = 1 if settled else self.failures + 1
            if self.failures >= _TRIES:
                self._end()
                continue
            time.sleep(min(0.1 * 2**self.failures, 5))
            self._start()
        return int(self.failures >= _TRIES)

    def _start(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self.pids[pid] = time.monotonic()
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _end_with(parent)
        code = 1
        try:
            code = _serve(self.listening, self.options, self.folder)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _end(self, *_: object) -> None:
        self.ending = True
        for pid in self.pids:
            os.kill(pid, signal.SIGTERM)


def _end_with(parent: int) -> None:
    """End this worker when its parent is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()


if __name__ == "__main__":
    sys.exit(main())
