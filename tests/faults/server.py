"""A process that has imported what a run needs and loaded its models, and forks: each command at once, in a process.

`python -m tests.faults.server SPEC` reads one request a line, and answers each with one; see `tests.faults.commands`.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import random
import select
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tests.warm import MODULES, close_files_but

KINDS = ("fsync", "create", "link", "rename", "close", "mkdir", "unlink", "open", "write", "read", "stat")
ACTIONS = ("count", "EIO once", "ENOSPC from then on", "half", "SIGKILL before", "SIGKILL after")
"""In the order of the shim's own enumerations."""

_ASKING = {signal.SIGINT, signal.SIGTERM}
_BE_PARENT_OF_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER


def main() -> None:
    """Serve until the requests end."""
    os.environ["SYNTHGEN_SILENCE_SECONDS"] = "0"  # no thread that looks for silence: `forked` waits for all threads
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"]) if os.environ.get("LD_PRELOAD") else None
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BE_PARENT_OF_ORPHANS, 1, 0, 0, 0)
    _warm(sys.argv[1])
    gc.collect()
    gc.freeze()  # else the first collection of each process copies most of this one's memory
    print("ready", flush=True)
    groups: list[int] = []
    for line in sys.stdin:
        request = json.loads(line)
        answer = _answer(request, shim, groups) if request["commands"] else _settled(groups)
        print(json.dumps(answer), flush=True)


def _warm(spec: str) -> None:
    """Import, and load the models of a spec; processes that are forked use these for runs of the same models."""
    import torch

    torch.set_num_threads(1)
    for name in MODULES:
        importlib.import_module(name)

    from synthgen.api import wiring
    from synthgen.api.planning import plan

    planned = plan(spec)
    generator, judge = wiring.generator(planned, "cpu"), wiring.judge(planned, "cpu")
    generator.setup()
    judge.setup()
    make = wiring.generator, wiring.judge
    render = generator.render

    def noted(candidates: Any) -> Any:
        found = render(candidates)
        with open("rendered", "a", encoding="utf-8") as file:
            file.write("".join(f"{one.id}\n" for one in candidates))
        return found

    patched: Any = generator
    patched.render = noted

    def same(other: Any) -> bool:
        return bool(other.spec == planned.spec and other.revisions == planned.revisions)

    def generator_of(planned: Any, device: str, *, whole: bool = False) -> Any:
        return generator if same(planned) else make[0](planned, device, whole=whole)

    wiring.generator = generator_of
    wiring.judge = lambda planned, device, beside=None: judge if same(planned) else make[1](planned, device, beside)


def _settled(groups: list[int]) -> dict[str, Any]:
    """Wait until no process is left of any command: workers notice a little later that their parent was killed."""
    deadline = time.monotonic() + 60
    while groups and time.monotonic() < deadline:
        with suppress(ChildProcessError):  # orphans became this process's own
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        for group in list(groups):
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                groups.remove(group)
        time.sleep(0.02)
    return {"left": groups}


def _answer(request: dict[str, Any], shim: ctypes.CDLL | None, groups: list[int]) -> dict[str, Any]:
    """Fork a process for each command; send each a signal when its time has come; wait for all."""
    began = time.monotonic()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)  # until a child is a command
    children = {os.fork() or _become(request, command, shim): command for command in request["commands"]}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
    groups += children
    codes: dict[int, int] = {}
    signals = [(began + each["after"], each) for each in request.get("signals", ())]
    descriptors = {os.pidfd_open(child): child for child in children}
    while len(codes) < len(children):
        for due, each in [one for one in signals if one[0] <= time.monotonic()]:
            signals.remove((due, each))
            _send(list(children)[each["to"]], each)
        wait = min((due for due, _ in signals), default=None)
        ready, _, _ = select.select(
            list(descriptors), [], [], None if wait is None else max(0, wait - time.monotonic())
        )
        for descriptor in ready:
            child = descriptors.pop(descriptor)
            os.close(descriptor)
            codes[child] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    calls = {kind: shim.faults_calls(number) for number, kind in enumerate(KINDS)} if shim else {}
    return {"codes": [codes[child] for child in children], "calls": calls, "seconds": time.monotonic() - began}


def _send(child: int, wanted: dict[str, Any]) -> None:
    number = signal.Signals[wanted["signal"]]
    try:
        if wanted.get("group"):
            os.killpg(child, number)
        else:
            os.kill(child, number)
    except ProcessLookupError:
        pass


def _become(request: dict[str, Any], command: dict[str, Any], shim: ctypes.CDLL | None) -> NoReturn:
    """Be a command of synthgen, in its own session and folder, until it ends."""
    code = 70
    try:
        os.setsid()
        folder = Path(request["folder"])
        for number, name in enumerate(("stdout", "stderr"), start=1):
            file = os.open(folder / f"{name}-{command['name']}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            os.dup2(file, number)
            os.close(file)
        os.environ.update(request.get("environment", {}))
        os.chdir(folder)
        random.seed()
        _renew_threads()
        _fork_workers()

        from synthgen.cli.program import run
        from synthgen.cli.streams import guard

        guard()
        if (fault := command.get("fault")) and shim is not None:
            kind, action = KINDS.index(fault["kind"]), ACTIONS.index(fault["action"])
            shim.faults_arm(os.fsencode(fault["root"]), kind, ctypes.c_long(fault["nth"]), action)
        code = 130  # where a stop came before the command
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
        code = 70
        code = run(command["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        if shim is not None:
            shim.faults_disarm()
        os._exit(code)


def _renew_threads() -> None:
    """Let torch replace the threads that a fork cannot take along, before two of the child do so at once and fail."""
    import torch

    torch.set_num_threads(1)


def _fork_workers() -> None:
    """Let a pool fork its workers from this warm process, which takes them no time to begin, instead of spawning.

    As if spawned, a worker has no file of its parent's but its end of the pipe: it must notice that the parent is gone.
    """
    local: Any = importlib.import_module("synthgen.running.executors.local")
    forking: Any = multiprocessing
    contexts, serve, fork = multiprocessing.get_context, local.serve_process, os.fork

    def forked() -> int:
        """Fork while no other thread, such as the one that notes a stop, holds a lock that the child would wait for."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
        while threading.active_count() > 1:
            time.sleep(0.001)
        child = fork()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
        return child

    def served(start: Any, location: str, device: str, connection: Any) -> None:
        close_files_but(connection.fileno())
        _renew_threads()
        serve(start, location, device, connection)

    forking.get_context = lambda method=None: contexts("fork" if method == "spawn" else method)
    local.serve_process = served
    patched: Any = os
    patched.fork = forked


if __name__ == "__main__":
    main()
