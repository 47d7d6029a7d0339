"""A snapshot that is killed or refused at any system call, or at any of its steps."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from mlops_nb import crash
from mlops_nb.capture.repository import Repository
from tests.capture.strace import Snapshots, name_of, needs_strace, struck

POINTS = ("snapshot indexed", "snapshot committed", "snapshot kept")
FILES = 3
LAST = f"new/module_{FILES - 1}.py"
# One of so many places in the suite; all of them by `make faults`.
EVERY = 19
SAYS_READY = {(0, "write", 1), (0, "write", 2)}
COMMANDS = ("hash-object", "write-tree", "commit-tree", "update-ref")


class Sweep:
    """Snapshots with faults, one after another; after each of them all has to be whole."""

    def __init__(self, project, state_of, folder):
        self.project, self.state_of, self.count = project, state_of, 0
        self.snapshots = Snapshots(project.root, folder)
        project.write("helper.py", "ANSWER = 42\n")
        self.edit()
        self.before = state_of(project.root)

    def edit(self):
        """Change the files, so that the next snapshot has objects to write."""
        self.count += 1
        for number in range(FILES):
            self.project.write(f"new/module_{number}.py", f"x = {self.count}, {number}\n")

    def places(self, *, pipes: bool) -> list[tuple[int, str, int]]:
        """Return what a snapshot does to the disk: number of git's call, system call, how many.

        The number is 0 for what our own process does. Writes to pipes, which are never full as a
        disk is, are among them where that is asked for.
        """
        quiet = struck("error=EIO")
        assert self.snapshots.take("first", git="all", inject=quiet).code == 0
        calls = self.snapshots.traced()
        self.edit()
        assert self.snapshots.take_traced("second", quiet).code == 0
        calls |= self.snapshots.traced()
        found = []
        for git, lines in sorted(calls.items()):
            counts: Counter[str] = Counter()
            for line in lines:
                counts[name_of(line)] += 1
                if pipes or not (name_of(line) == "write" and (git == 0 or "(1," in line)):
                    found.append((git, name_of(line), counts[name_of(line)]))
        # Ours says first that it is ready, which is no part of the snapshot.
        return [place for place in found if place not in SAYS_READY]

    def strike(self, fault: str, git: int, call: str, when: int) -> int:
        """Take a snapshot with a fault, and return how it ended; nothing may be broken by it."""
        self.edit()
        self.before = self.state_of(self.project.root)
        how, _, alone = fault.partition(" ")
        inject, name = struck(how, call, when), f"struck-{self.count}"
        if git:
            ended = self.snapshots.take(name, git=git, inject=inject, alone=bool(alone))
        else:
            ended = self.snapshots.take_traced(name, inject)
        self.must_be_whole(name)
        assert "Traceback" not in ended.said, ended.said
        return ended.code

    def must_be_whole(self, name: str) -> None:
        """Check that nothing of the user's was touched, and that the next snapshot is right."""
        project = self.project
        assert self.state_of(project.root) == self.before
        ref = f"refs/mlops/snapshots/{name}"
        listed = project.git("for-each-ref", "--format=%(objectname)", ref)
        assert listed == "" or LAST in project.git("ls-tree", "-r", "--name-only", listed)
        # Of the same name, as the process does that comes after one that was killed.
        again = Repository.find(project.root)
        again.forget(name)
        code, _ = again.snapshot(name, project.root, {})
        assert project.git("show", f"{code.sha}:{LAST}") == f"x = {self.count}, {FILES - 1}"
        assert list((project.root / ".git").glob("mlops-index-*")) == []
        assert self.state_of(project.root) == self.before
        project.git("fsck", "--strict", "--no-dangling")


@pytest.fixture
def sweep(project, state_of, tmp_path):
    return Sweep(project, state_of, tmp_path / "strace")


@needs_strace
@pytest.mark.parametrize(
    "fault", ["signal=SIGKILL", "signal=SIGKILL of git alone", "error=ENOSPC", "error=EIO"]
)
@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.faults)])
def test_a_fault_at_any_system_call_leaves_the_repository_whole(sweep, fault, every):
    places = sweep.places(pipes="SIGKILL" in fault)
    chosen = places[::every]
    ends = [sweep.strike(fault, *place) for place in chosen]
    print(f"{fault}: {len(chosen)} of {len(places)} places, {sum(map(bool, ends))} ended of it")
    # A process may come to its end before the call that it made the time before.
    assert sum(map(bool, ends)) >= len(ends) / 2


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_two_steps_leaves_the_repository_whole(sweep, monkeypatch, point):
    monkeypatch.setenv(crash.CRASH_AT, point)
    ended = sweep.snapshots.take("killed", git=0)
    monkeypatch.delenv(crash.CRASH_AT)
    assert ended.code == -signal.SIGKILL
    sweep.must_be_whole("killed")


@needs_strace
def test_what_a_snapshot_acknowledges_is_on_the_disk(sweep):
    assert (
        sweep.snapshots.take("first", git="all", inject="-e trace=fsync,fdatasync,execve").code == 0
    )
    synced = {}
    for lines in sweep.snapshots.traced().values():
        command = next((w for w in COMMANDS if any(f'"{w}"' in line for line in lines)), "")
        synced[command] = sum("sync(" in line for line in lines)
    assert {name: synced[name] > 0 for name in COMMANDS} == dict.fromkeys(COMMANDS, True)
