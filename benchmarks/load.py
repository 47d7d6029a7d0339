"""Ask a server with some clients at once, for some seconds."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path


def main(port: str, path: str, body: str, clients: str, seconds: str) -> None:
    """Print how many requests were answered, how many failed, and the times in ms."""
    content = Path(body).read_bytes()
    times: list[float] = []
    failed: list[str] = []
    end = time.monotonic() + float(seconds)

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        while time.monotonic() < end:
            start = time.perf_counter()
            connection.request("POST", path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
            times.append((time.perf_counter() - start) * 1000)
            if answer.status != 200:
                failed.append(f"{answer.status} {told[:200]!r}")

    threads = [threading.Thread(target=ask) for _ in range(int(clients))]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    print(
        json.dumps(
            {
                "requests": len(times),
                "failed": failed[:1],
                "seconds": time.monotonic() - start,
                "p50_ms": times[len(times) // 2],
                "p99_ms": times[int(len(times) * 0.99)],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
