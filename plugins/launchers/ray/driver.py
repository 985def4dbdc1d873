"""Runs the units of a sweep as tasks of the Ray cluster that it is started in.

    python driver.py STEPS.json                 the driver: Ray's Jobs API starts it
    python driver.py guard OUTPUT COMMAND...    the parent of one unit: a task starts it

Needs Python 3.9, Ray 2.9 and nothing else. What it writes beside STEPS.json: the output of unit N to
unit-N.out, and how far it is to STEPS.state. The store holds the truth, so losing this process loses
nothing but time: whoever starts the sweep again gets what is missing.
"""

# Only what a guard needs: there is one for each unit, and this is half of what it costs.
import ctypes
import os
import signal
import sys
import threading
import time

# Tasks handed to Ray and not ended, at most.
WINDOW = 4000
# Seconds that a unit has after SIGTERM, to give back its trial, until it is killed.
GRACE = 10.0
# Exit codes of a unit: its trials have a record; a step before is not complete; SIGINT and SIGTERM.
DONE, TOO_EARLY, RELEASED = 0, 75, (130, 143)
# Signals that end a unit through no decision of its own: for want of memory, or a crash.
KILLED = (signal.SIGKILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)


# One unit, on the node where it runs -----------------------------------------------------------------


def run_unit(command, unit, environment, output):
    """The task: runs a unit and returns its exit code. Ray runs it again if its worker dies, and, as it is
    submitted with `retry_exceptions=[ChildProcessError]`, if the unit was killed."""
    import socket
    import subprocess

    environment = dict(os.environ, MUSICREC_NODE=socket.gethostname(), **environment)
    # No fork of this process, which has threads of Ray: the guard is a program of its own.
    guard = [sys.executable, "-I", "-S", environment.pop("MUSICREC_DRIVER"), "guard", output]
    process = subprocess.Popen(
        [*guard, *command, str(unit)],
        env=environment,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        # With a time limit it polls, so that Ray can interrupt it when the task is canceled.
        code = process.wait(timeout=1e9)
    finally:
        # The guard ends the unit when it finds this pipe closed, and has done nothing wrong by then.
        process.stdin.close()
        try:
            process.wait(timeout=GRACE + 2)
        except subprocess.TimeoutExpired:
            process.kill()
    number = -code if code < 0 else code - 128
    if number in KILLED:
        raise ChildProcessError(f"killed by signal {number}")
    return code


def guard(output, command):
    """Runs a unit in a session of its own and passes its exit code on. The unit is ended, SIGTERM first, when
    standard input closes: when the task is canceled, and when its worker dies, however that happens."""
    # Ray blocks SIGINT in its workers and what they start, Python ignores SIGPIPE: not so the unit.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # A worker that ends kills its children at once, so what waits for the unit is a grandchild.
    keeper = os.fork()
    if keeper:
        return code_of(os.waitpid(keeper, 0)[1])
    os.setsid()
    try:
        log = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        unit = spawn(command)
    except BaseException as error:
        print(f"driver: cannot start the unit: {error}", file=sys.stderr, flush=True)
        os._exit(127)
    watch = threading.Thread(target=end_with_input, args=(unit,), daemon=True)
    watch.start()
    code = code_of(os.waitpid(unit, 0)[1])
    # Whatever the unit started and left behind.
    send(os.killpg, unit, signal.SIGKILL)
    os._exit(code)


def spawn(command):
    """Starts a command in a process group of its own that is killed if this process dies."""
    null = os.open(os.devnull, os.O_RDONLY)
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    keeper = os.getpid()
    unit = os.fork()
    if unit:
        os.close(null)
        return unit
    try:
        os.setpgid(0, 0)
        if prctl is not None:
            prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() == keeper:
            os.dup2(null, 0)
            os.execvp(command[0], command)
    except BaseException as error:
        print(f"driver: cannot run {command[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(127)


def end_with_input(unit):
    """Waits until standard input closes, then ends a unit, and its group if it takes too long."""
    while os.read(0, 4096):
        pass
    send(os.kill, unit, signal.SIGTERM)
    time.sleep(GRACE)
    send(os.killpg, unit, signal.SIGKILL)


def send(kill, target, number):
    """Sends a signal to a process or a group; one that is gone already is no error."""
    try:
        kill(target, number)
    except (ProcessLookupError, PermissionError):
        pass


def code_of(status):
    """The exit code in a wait status, as a shell counts it: 128 and the signal."""
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


# All units, where Ray starts the driver --------------------------------------------------------------


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
        import json

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
            ready, _ = ray.wait(list(running), num_returns=len(running), timeout=1)
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
    import json
    import logging

    with open(path, encoding="utf-8") as file:
        work = json.load(file)
    import ray

    ray.init(address="auto", log_to_driver=False, logging_level=logging.WARNING)
    # After Ray, which has a handler of its own that ends the process without unwinding `finally`.
    signal.signal(signal.SIGTERM, end)
    folder = os.path.dirname(os.path.abspath(path))
    options = work["options"]
    environment = {
        "MUSICREC_DRIVER": os.path.abspath(__file__),
        "MUSICREC_JOB": work["id"],
        "MUSICREC_THREADS": str(options["num_cpus"]),
    }
    remote = ray.remote(run_unit)

    def task(unit):
        output = os.path.join(folder, f"unit-{unit}.out")
        own = dict(environment, MUSICREC_OUTPUT=output)
        named = remote.options(name=f"unit-{unit}", retry_exceptions=[ChildProcessError], **options)
        return named.remote(work["command"], unit, own, output)

    state = State(os.path.splitext(path)[0] + ".state", sum(len(s["units"]) for s in work["steps"]))
    began = time.monotonic()
    for step in work["steps"]:
        run_step(ray, task, step, state, options)
    print(json.dumps(dict(state.counts, seconds=round(time.monotonic() - began, 3))), flush=True)
    return 1 if state.counts["troubled"] or state.counts["lost"] else 0


if __name__ == "__main__":
    if sys.argv[1] == "guard":
        sys.exit(guard(sys.argv[2], sys.argv[3:]))
    sys.exit(main(sys.argv[1]))
