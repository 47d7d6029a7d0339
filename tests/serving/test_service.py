from __future__ import annotations

import concurrent.futures
import os
import signal
import threading
import time

import psutil
import pytest

from mlops_nb.monitoring import labelling
from mlops_nb.serving import inference_log
from mlops_nb.serving.model import PackageError

V1 = "/v1/models/tumours:predict"
ROWS = {"instances": [{"radius": 1.5, "count": 1, "kind": "a"}]}
SLOW = """
import time
class Slow:
    def load(self, folder): self.calls = 0
    def predict(self, inputs):
        self.calls += 1
        seconds = float(inputs["radius"].max())
        if seconds > 100: raise RuntimeError("too wide")
        time.sleep(seconds)
        return [self.calls] * len(inputs)
"""


def row(seconds):
    return {"instances": [{"radius": seconds, "count": 1, "kind": "a"}]}


def test_a_token_is_asked_for(assembled, started, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    service = started(assembled(), "--token-file", token, "--no-access-log")
    assert service.post(V1, ROWS).status_code == 401
    assert service.post(V1, ROWS, headers={"Authorization": "Bearer other"}).status_code == 401
    right = {"Authorization": "Bearer s3cret"}
    assert service.post(V1, ROWS, headers=right).status_code == 200
    assert service.get("/metrics").status_code == 401
    assert service.get("/v2/health/live").status_code == 200


def test_a_wrapper_serves_with_its_modules(assembled, started):
    code = {
        "wrapping.py": """
import helping
class Wrapper:
    def load(self, folder):
        import mlflow
        self.model = mlflow.pyfunc.load_model(folder)
    def preprocess(self, inputs): return inputs
    def predict(self, inputs): return self.model.predict(inputs)
    def postprocess(self, predictions): return [helping.NAMES[p] for p in predictions]
""",
        "helping.py": "NAMES = ['benign', 'malignant']",
    }
    service = started(assembled(wrapper="wrapping:Wrapper", code=code))
    assert service.post(V1, ROWS).json() == {"predictions": ["benign"]}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1", "has no Wrapper"),
        ("class Wrapper:\n    def load(self, folder): pass", "has no method predict"),
        ("import nowhere", "No module named 'nowhere'"),
        ("class Wrapper:\n    def __init__(self): 1/0", "ZeroDivisionError"),
    ],
)
def test_a_wrapper_that_cannot_be_loaded_says_so(loaded, code, said):
    with pytest.raises((PackageError, ModuleNotFoundError, ZeroDivisionError)) as refused:
        loaded(
            wrapper=f"wrapping{abs(hash(code))}:Wrapper",
            code={f"wrapping{abs(hash(code))}.py": code},
        )
    assert said in f"{type(refused.value).__name__} {refused.value}"


def test_a_service_that_cannot_load_ends_and_says_why(assembled, started):
    package = assembled(wrapper="wrapping:Wrapper", code={"wrapping.py": "raise OSError('gone')"})
    service = started(package, ready=False)
    assert service.process.wait(60) == 1
    assert "error: the model cannot be loaded: OSError: gone" in service.said()


@pytest.mark.parametrize("change", ["model", "added", "removed"])
def test_a_package_that_was_changed_is_refused(assembled, in_process, change):
    from mlops_nb.serving.model import Model

    package = assembled()
    file = next(path for path in (package / "model").rglob("*.pkl"))
    {
        "model": lambda: file.write_bytes(file.read_bytes() + b"."),
        "added": lambda: (package / "code" / "os.py").write_text("1"),
        "removed": file.unlink,
    }[change]()
    with pytest.raises(PackageError, match=r"is not what the manifest says|is missing"):
        Model(package)


def test_a_pickle_that_nobody_knows_is_not_loaded(loaded):
    with pytest.raises(PackageError, match="executes what it holds"):
        loaded(trusted=False)


def test_a_model_in_a_safe_format_needs_no_record(loaded):
    assert loaded("tensor", trusted=False).predict


def test_the_models_own_error_is_told_without_its_traceback(assembled, started):
    service = started(assembled(wrapper="slow:Slow", code={"slow.py": SLOW}))
    answer = service.post(V1, row(101.0))
    assert answer.status_code == 500
    assert answer.json() == {"error": "the model raised RuntimeError: too wide"}
    assert "Traceback" in service.said()
    assert service.post(V1, row(0.0)).status_code == 200


def test_health_answers_while_the_model_works_and_time_is_limited(assembled, started):
    package = assembled(wrapper="slow:Slow", code={"slow.py": SLOW})
    service = started(package, "--timeout-s", 1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(service.post, V1, row(3.0))
        assert service.get("/v2/health/ready").status_code == 200
        assert asked.result().status_code == 504
        time.sleep(1.5)
        assert service.get("/v2/health/live").status_code == 503


def test_batches_give_what_single_requests_give(assembled, started):
    service = started(assembled(), "--batch-rows", 64, "--batch-delay-ms", 20)
    values = [1.5, 2.5, 3.5, 9.0] * 10
    bodies = [
        {"instances": [{"radius": v, "count": int(v), "kind": "a" if v in (1.5, 3.5) else "b"}]}
        for v in values
    ]
    bodies[7] = {"instances": [{"radius": 1.0, "count": 1, "kind": "unheard-of"}]}
    bodies[9] = {"instances": [{"radius": "x", "count": 1, "kind": "a"}]}
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda body: service.post(V1, body), bodies))
    codes = [answer.status_code for answer in answers]
    assert (codes[7], codes[9]) == (400, 400)
    given = [a.json()["predictions"][0] for a in answers if a.status_code == 200]
    expected = [int(v > 3) for i, v in enumerate(values) if i not in (7, 9)]
    assert given == expected
    assert "mlops_batches_total" in service.get("/metrics").text


def test_no_request_is_lost_while_it_ends(assembled, started):
    service = started(assembled(wrapper="slow:Slow", code={"slow.py": SLOW}))
    failed, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            answer = service.post(V1, row(0.05), headers={"Connection": "close"})
            if answer.status_code != 200:
                failed.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert service.get("/v2/health/ready").status_code == 503
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert service.process.wait(60) == 0


def test_workers_share_the_work_and_are_replaced(assembled, started):
    service = started(assembled(), "--workers", 2)
    children = psutil.Process(service.process.pid).children()
    assert len(children) == 2
    os.kill(children[0].pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while len(psutil.Process(service.process.pid).children()) < 2 or psutil.pid_exists(
        children[0].pid
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for _ in range(10):
        assert service.post(V1, ROWS).status_code == 200
    text = service.get("/metrics").text
    assert 'route="/v1/models/tumours:predict",status="200"} 10' in text
    assert service.end() == 0
    assert not any(psutil.pid_exists(child.pid) for child in children)


def test_workers_end_with_their_parent(assembled, started):
    service = started(assembled(), "--workers", 2)
    children = psutil.Process(service.process.pid).children()
    service.process.kill()
    service.process.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def test_every_answer_is_logged_and_labelled_later(assembled, started, tmp_path):
    service = started(assembled(), "--log-folder", tmp_path / "log")
    answer = service.post(V1, ROWS, headers={"X-Request-Id": "one"})
    assert answer.status_code == 200
    service.post(V1, {"instances": []})
    assert service.end() == 0
    labelling.label(tmp_path / "log", {"one": [1]})
    (found,) = inference_log.read(tmp_path / "log")
    assert (found.id, found.revision, found.label) == ("one", "7", [1])
    assert found.inputs == {"radius": [1.5], "count": [1], "kind": ["a"]}
    assert found.outputs == [0]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700


def rows_logged(folder, **options):
    dropped = []
    log = inference_log.InferenceLog(
        folder,
        "3",
        dropped=lambda: dropped.append(1),
        **({"sample": 1.0, "limit_bytes": 10**6} | options),
    )
    return log, dropped


def test_the_log_is_bounded_and_torn_lines_are_passed_over(tmp_path):
    import numpy

    log, dropped = rows_logged(tmp_path, limit_bytes=20_000)
    for number in range(500):
        log.add(str(number), 0.1, {"a": numpy.zeros(20)}, [1])
        time.sleep(0.001)
    log.close()
    assert dropped == []
    assert sum(path.stat().st_size for path in tmp_path.glob("*.jsonl")) <= 20_000
    newest = max(tmp_path.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    newest.write_bytes(newest.read_bytes() + b'{"id": "torn')
    found = [row.id for row in inference_log.read(tmp_path)]
    assert found[-1] == "499"
    assert "torn" not in found


def test_labels_are_forgotten_with_their_rows_once_they_are_many(tmp_path, monkeypatch):
    import numpy

    monkeypatch.setattr(labelling, "LABELS_BYTES", 2_000)
    log, _ = rows_logged(tmp_path)
    log.add("still here", 0.1, {"a": numpy.zeros(2)}, [1])
    log.close()
    labelling.label(tmp_path, {"still here": [0], **{f"gone-{i}": [i] for i in range(50)}})
    assert len(inference_log.labels(tmp_path)) == 51
    labelling.label(tmp_path, {f"later-{i}": [i] for i in range(150)})
    known = inference_log.labels(tmp_path)
    assert len(known) == 201
    labelling.label(tmp_path, {"not yet logged": [1], "still here": [1]})
    assert inference_log.labels(tmp_path) == {"still here": [1], "not yet logged": [1]}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_disk_that_is_full_drops_rows_and_nothing_else(tmp_path):
    import numpy

    file = tmp_path / "file"
    file.touch()
    log, dropped = rows_logged(file)
    log.add("1", 0.1, {"a": numpy.zeros(2)}, [1])
    log.close()
    assert dropped == [1]


def test_a_sample_is_kept(tmp_path):
    import numpy

    log, _ = rows_logged(tmp_path, sample=0.2)
    for number in range(1000):
        log.add(str(number), 0.1, {"a": numpy.zeros(1)}, [1])
    log.close()
    assert 100 < len(list(inference_log.read(tmp_path))) < 300
