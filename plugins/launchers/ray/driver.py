"""Runs the units of a sweep as tasks of the Ray cluster that it is started in: `python ID.py ID.json`

Needs Python 3.9, Ray 2.9, ID.guard.py beside it, and nothing else. What it writes there: the output of unit
N to unit-N.out, and how far it is to ID.state. The store holds the truth, so losing this process loses
nothing but time: whoever starts the sweep again gets what is missing.
"""

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time

# Tasks handed to Ray and not ended, at most.
WINDOW = 4000
# Seconds that a canceled task waits for its guard, which gives the unit 10 from SIGTERM to SIGKILL.
GRACE = 12.0
# Exit codes of a unit: its trials have a record; a step before is not complete; SIGINT and SIGTERM.
DONE, TOO_EARLY, RELEASED = 0, 75, (130, 143)
# Signals that end a unit through no decision of its own: for want of memory, or a crash.
KILLED = (signal.SIGKILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)


def run_unit(guard, output, command, environment):
    """The task: runs a unit and returns its exit code. Ray runs it again if its worker dies, and, as it is
    submitted with `retry_exceptions=[ChildProcessError]`, if the unit was killed."""
    # No fork of this process, which has threads of Ray: the guard is a program of its own.
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard, output, *command],
        env=dict(os.environ, MUSICREC_NODE=socket.gethostname(), **environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    # Nothing is written to this pipe: it closes when the guard ends.
    end = select.poll()
    end.register(process.stdout)
    try:
        # To cancel the task, Ray raises KeyboardInterrupt here, for which Python must be awake now and then.
        while not end.poll(250):
            pass
        code = process.wait()
    finally:
        # The guard ends the unit when it finds this pipe closed, and has ended by then if all went well.
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
    number = -code if code < 0 else code - 128
    if number in KILLED:
        raise ChildProcessError(f"killed by signal {number}")
    return code


class State:
    """What has become of the units: told to whoever asks for the job, and printed at the end."""

    def __init__(self, path, units):
        self.path = path
        self.counts = {"done": 0, "released": 0, "too_early": 0, "troubled": 0, "lost": 0}
        self.left = units
        self.room = 0
        self.says = []
        self.written = None

    def ended(self, unit, code):
        """Counts a unit that ended with an exit code."""
        self.left -= 1
        if code == DONE:
            self.counts["done"] += 1
        elif code == TOO_EARLY:
            self.counts["too_early"] += 1
        elif code in RELEASED:
            self.counts["released"] += 1
        else:
            self.counts["troubled"] += 1
            print(f"unit {unit} ended with exit code {code}; its output is in unit-{unit}.out")

    def lost(self, unit, error):
        """Counts a unit that Ray gave up."""
        self.left -= 1
        self.counts["lost"] += 1
        said = " ".join(str(error).split())
        print(f"unit {unit} was lost, {type(error).__name__}: {said[:500]}")

    def write(self):
        """Tells how far it is. That a reader gets an old state, or none, does no harm."""
        text = json.dumps({"left": self.left, "room": self.room, "says": self.says})
        if text == self.written:
            return
        try:
            with open(self.path + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(self.path + ".new", self.path)
            self.written = text
        except OSError as error:
            print(f"cannot write {self.path}: {error}")


def wants(options):
    """What a task asks of a node, as Ray calls it."""
    all_of = dict(options.get("resources", {}), CPU=options["num_cpus"])
    if "memory" in options:
        all_of["memory"] = options["memory"]
    return all_of


def look_around(ray, state, options):
    """How many units have room at once, and what to say if no node has room for one."""
    wanted = wants(options)
    nodes = [node.get("Resources", {}) for node in ray.nodes() if node.get("Alive")]
    state.room = sum(
        int(min(node.get(name, 0) // amount for name, amount in wanted.items())) for node in nodes
    )
    state.says = []
    if state.room == 0:
        # Ray counts memory in bytes.
        need = ", ".join(
            f"{amount / 2**30:g} GiB of memory" if name == "memory" else f"{name} {amount:g}"
            for name, amount in wanted.items()
        )
        state.says = [f"no node of the Ray cluster has what a unit wants ({need}): units wait for one"]


def run_step(ray, task, step, state, options):
    """Runs the units of a step and returns when all have ended, however they did. `task` submits one."""
    print(f"step {step['name']}: {len(step['units'])} units")
    waiting = list(reversed(step["units"]))
    running = {}
    looked = float("-inf")
    try:
        while waiting or running:
            while waiting and len(running) < WINDOW:
                unit = waiting.pop()
                running[task(unit)] = unit
            if time.monotonic() - looked > 10:
                looked = time.monotonic()
                try:
                    look_around(ray, state, options)
                except Exception as error:
                    print(f"cannot ask for the nodes: {error}")
            ready, _ = ray.wait(list(running), num_returns=len(running), timeout=0.5)
            for reference in ready:
                unit = running.pop(reference)
                try:
                    state.ended(unit, ray.get(reference))
                except Exception as error:
                    state.lost(unit, error)
            state.write()
    finally:
        # The driver is being ended (SIGTERM): units get one too, and time for what it takes.
        for reference in running:
            ray.cancel(reference, force=False)
        if running:
            print(f"{len(running)} units are canceled")
            ray.wait(list(running), num_returns=len(running), timeout=GRACE)


def end(number, _):
    """What SIGTERM does: unwinds, once."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main(path):
    """Runs all steps and returns the driver's exit code."""
    with open(path, encoding="utf-8") as file:
        work = json.load(file)
    import ray

    ray.init(address="auto", log_to_driver=False, logging_level=logging.WARNING)
    # After Ray, which has a handler of its own that ends the process without unwinding `finally`.
    signal.signal(signal.SIGTERM, end)
    stem = os.path.splitext(os.path.abspath(path))[0]
    options = work["options"]
    environment = {"MUSICREC_JOB": work["id"], "MUSICREC_THREADS": str(options["num_cpus"])}
    remote = ray.remote(run_unit)

    def task(unit):
        output = os.path.join(os.path.dirname(stem), f"unit-{unit}.out")
        command = [*work["command"], str(unit)]
        own = dict(environment, MUSICREC_OUTPUT=output)
        named = remote.options(name=f"unit-{unit}", retry_exceptions=[ChildProcessError], **options)
        return named.remote(stem + ".guard.py", output, command, own)

    state = State(stem + ".state", sum(len(s["units"]) for s in work["steps"]))
    began = time.monotonic()
    for step in work["steps"]:
        run_step(ray, task, step, state, options)
    print(json.dumps(dict(state.counts, seconds=round(time.monotonic() - began, 3))), flush=True)
    return 1 if state.counts["troubled"] or state.counts["lost"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
