#!/usr/bin/env python3
"""What the journal costs: `dockupd update` beside the same program whose journal writes come to nothing.

  tests/bench/run journal.py      (starts a private engine, makes the images, runs this)

Both update the sample `tiny` back and forth, taking turns and beginning in turn, on this machine's own disk. What is
compared is what they take less the seconds that --stable-for waits; ratios of neighbours, and their median. Other work
on the machine shows as a wide spread."""
import os
import sqlite3
import statistics
import sys
import tempfile

from update import PROVE_SECONDS, Bench

ROUNDS = int(os.environ.get("ROUNDS", "12"))
MOST = 1.05  # times as long with its journal as without


class Side(Bench):
    """One program, with a project and a state directory of its own, so that neither finds what the other left."""

    def __init__(self, work, program):
        super().__init__(work)
        self.own = [program]
        self.times = []
        self.tag = "v2"
        self.update("v1")

    def turn(self):
        seconds, _ = self.update(self.tag)
        self.times.append(seconds - PROVE_SECONDS)
        self.tag = "v1" if self.tag == "v2" else "v2"

    def steps(self):
        """In the journal, of the newest update."""
        with sqlite3.connect(os.path.join(self.tail[1], "tiny", "state.db")) as records:
            return records.execute("SELECT count(*) FROM journal WHERE attempt_id = "
                                   "(SELECT id FROM attempt ORDER BY sequence DESC LIMIT 1)").fetchone()[0]


def main():
    program = os.environ["DOCKUPD"]
    without = os.path.join(os.path.dirname(program), "..", "tests", "dockupd_without_journal")
    if not os.access(without, os.X_OK):
        sys.exit(f"no {without}: build the target dockupd_without_journal")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as work:
        sides = []
        for name in ("on", "off"):
            os.mkdir(os.path.join(work, name))
        # One project on the engine: they take it over from each other.
        on = Side(os.path.join(work, "on"), program)
        off = Side(os.path.join(work, "off"), without)
        ratios = []
        for number in range(ROUNDS):
            # off runs v2 → v1 after on ran v1 → v2, and the other way round in the next round.
            sides = (on, off) if number % 2 == 0 else (off, on)
            for side in sides:
                side.tag = "v2" if side is sides[0] else "v1"
                side.turn()
            ratios.append(on.times[-1] / off.times[-1])
        if on.steps() == 0 or off.steps() != 0:
            sys.exit(f"with a journal {on.steps()} steps were written, without one {off.steps()}: nothing was compared")
        print(f"journal on:  {statistics.median(on.times):.3f} s ({min(on.times):.3f} to {max(on.times):.3f}), "
              f"{on.steps()} steps")
        print(f"journal off: {statistics.median(off.times):.3f} s ({min(off.times):.3f} to {max(off.times):.3f})")
        print(f"on / off, median of {ROUNDS} neighbours: {statistics.median(ratios):.3f} "
              f"({min(ratios):.3f} to {max(ratios):.3f})")
        if statistics.median(ratios) > MOST:
            sys.exit(f"more than {MOST}")


if __name__ == "__main__":
    main()
