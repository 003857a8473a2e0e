"""A line that says how far the work is, on a terminal, once it takes two seconds.

SPDX-License-Identifier: Apache-2.0
"""
import sys
import time

DELAY_S = 2.0
EVERY_S = 0.1
WIDTH = 30


class Bar:
    """show: None: on a terminal; True or False: in any case or never; a callable: it is told (done, total or None)."""

    def __init__(self, total, show):
        self._total = total
        self._tell = show if callable(show) else None
        self._show = show
        self._begin = time.monotonic()
        self._next = self._begin + (0.0 if self._tell else DELAY_S)
        self._has_drawn = False

    def tick(self, done):
        """So many items are done."""
        now = time.monotonic()
        if now < self._next:
            return
        if self._tell is None and not (_is_terminal() if self._show is None else self._show):
            self._next = float("inf")
            return
        self._next = now + EVERY_S
        if self._tell is not None:
            self._tell(done, self._total)
        else:
            self._draw(done, now - self._begin)

    def end(self, done):
        """No more will be done; the line is removed."""
        if self._tell is not None:
            self._tell(done, self._total)
        elif self._has_drawn:
            sys.stderr.write("\r\x1b[K" if _is_terminal() else "\n")
            sys.stderr.flush()

    def _draw(self, done, elapsed):
        self._has_drawn = True
        sys.stderr.write("\r" + line(done, self._total, elapsed) + ("\x1b[K" if _is_terminal() else ""))
        sys.stderr.flush()


def line(done, total, elapsed):
    """The text: a bar and what is left where the total is known."""
    rate = done / elapsed if elapsed > 0 else 0.0
    if not total:
        return f"allot: {done} items, {rate:.3g}/s"
    filled = round(WIDTH * done / total)
    left = (total - done) / rate if rate > 0 else float("inf")
    return f"allot: [{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}, {rate:.3g}/s, {_duration(left)} left"


def _duration(seconds):
    if seconds == float("inf"):
        return "?"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _is_terminal():
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
