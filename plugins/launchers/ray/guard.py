"""The parent of one unit, started by a task of Ray: `python -I -S guard.py OUTPUT COMMAND...`

Runs the command with its output appended to a file, and ends with its exit code. When standard input
closes, which it does when the task is canceled and when the worker of Ray dies, however that happens, the
command is ended: SIGTERM, so that it can give back its trial, and SIGKILL to all it started a while later.

There is one of these for each unit, so it imports little (that is half of what it costs).
"""

import _thread
import ctypes
import os
import signal
import sys
import time

# Seconds from SIGTERM to SIGKILL.
GRACE = 10.0


def main(output, command):
    """Runs a command and returns its exit code."""
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
        _thread.start_new_thread(end_with_input, (unit,))
    except BaseException as error:
        print(f"cannot start the unit: {error}", file=sys.stderr, flush=True)
        os._exit(127)
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
        return unit
    try:
        os.setpgid(0, 0)
        if prctl is not None:
            prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() == keeper:
            os.dup2(null, 0)
            os.execvp(command[0], command)
    except BaseException as error:
        print(f"cannot run {command[0]}: {error}", file=sys.stderr, flush=True)
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
