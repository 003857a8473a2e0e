"""A submitted call, as the thread that feeds engines sees it.

SPDX-License-Identifier: Apache-2.0
"""
import reprlib

from allot import _faults


class Call:
    """One submitted call.

    `need` is the generation of engines that can read it, `key` the function whose cost it shares, `keep` what it names
    by number. Work that is not cut yet has `need`, `key`, take(), cancel() and fail(), too (_map_job).
    """

    __slots__ = ("sealed", "need", "key", "keep", "future", "begun")
    nitems = 1

    def __init__(self, sealed, key, keep, future):
        self.sealed, self.key, self.keep, self.future = sealed, key, keep, future
        self.need = sealed.need
        self.begun = False

    def take(self, cost, nengines):
        """(a call for an engine or None, whether that was all)"""
        self.begun = self.begun or self.future.set_running_or_notify_cancel()
        return (self if self.begun else None), True

    def cancel(self):
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()
        elif self.begun:  # it was given to an engine and came back
            self.future.set_exception(_faults.EngineDied(f"the executor was ended before {self.name(0)} was made"))

    def succeed(self, value):
        self.future.set_result(value)

    def fail(self, error):
        if self.take(None, 0)[0] is not None:
            self.future.set_exception(error)

    def item(self, progress):
        return None

    def name(self, progress):
        function, args, kwargs = self.keep
        words = [reprlib.repr(arg) for arg in args] + [f"{key}={reprlib.repr(kwargs[key])}" for key in kwargs]
        return f"{name_of(function)}({', '.join(words)})"


def name_of(function):
    return getattr(function, "__qualname__", type(function).__qualname__)
