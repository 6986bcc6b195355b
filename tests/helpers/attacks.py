"""An attack on a small command: a fault, then the same command again, which completes with the same bytes."""

from __future__ import annotations

import re
import shutil
import signal

from small_commands import SMALL, lay_out, left

KILL, TERMINATE, INTERRUPT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT

#: How a command ends that a signal reached.
CODES = {KILL: -KILL, TERMINATE: 143, INTERRUPT: 130}

#: And one that input or output failed.
FAILED = 74


class Attack:
    """One kind of command: what it does undisturbed, and what it does after a fault."""

    def __init__(self, commands, root, name):
        self.commands, self.root, self.arguments = commands, root, SMALL[name]
        commands.warm(*self.arguments)
        folder = lay_out(root / "undisturbed")
        self.ended = commands(folder, *self.arguments)
        assert self.ended.code == 0, self.ended.err
        self.expected = left(folder)

    def __call__(self, **fault):
        """Let the fault happen, then repeat the command; return how the disturbed one ended."""
        folder = lay_out(self.root / "disturbed")
        try:
            disturbed = self.commands(folder, *self.arguments, **fault)
            between = left(folder)
            repeated = self.commands(folder, *self.arguments)
            after = left(folder)
        finally:
            shutil.rmtree(folder)
        # A file of claims that cannot be read is bad input.
        codes = [0, CODES.get(fault.get("signal"), FAILED), 2 if "claims file own.py" in disturbed.err else 0]
        if "after" in fault and not disturbed.steps:
            # Before it has begun, which a shell tells as 128 and the signal too.
            codes.append(-fault["signal"])
        assert disturbed.code in codes, (fault, disturbed.code, disturbed.err)
        differing = sorted(name for name in {*after, *self.expected} if after.get(name) != self.expected.get(name))
        assert (repeated.code, after) == (0, self.expected), (fault, differing, repeated.code, repeated.err)
        for ended in (disturbed, repeated):
            assert "Traceback" not in ended.err, (fault, ended.err)
        # What is printed goes to a file here, which may not grow either.
        if disturbed.code == FAILED and "limit" not in fault:
            assert disturbed.err.splitlines()[-1].startswith("theory-check: error: "), (fault, disturbed.err)
        # What was handled cleans up by itself, and keeps finished parts only; an error may have hit the cleaning.
        at = fault.get("step", len(disturbed.steps))
        failed = disturbed.steps[at] if at < len(disturbed.steps) else ""
        if fault.get("signal") != KILL and failed not in ("os.remove", "os.rmdir"):
            kept = [name for name in between if name not in self.expected]
            assert all(re.search(r"resume(/[0-9a-f]+\.unit)?$", name) for name in kept), (fault, failed, kept)
        return disturbed
