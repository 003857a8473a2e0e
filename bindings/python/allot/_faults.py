"""What goes wrong in engines, told to the caller.

SPDX-License-Identifier: Apache-2.0
"""
import os
import pickle
import signal
import time
import traceback


class EngineDied(RuntimeError):
    """An engine ended before it had answered. `item` is what it was doing, None if it was between items; `status` is as
    os.waitpid() gives it, -1 where nobody knows."""

    def __init__(self, message, item=None, status=-1):
        super().__init__(message, item, status)
        self.item = item
        self.status = status

    def __str__(self):
        return self.args[0]


class RemoteError(RuntimeError):
    """Stands for an exception that cannot be pickled; its text names the class of that one."""


class UnsendableResult(TypeError):
    """A result that cannot be pickled, so that an engine cannot send it."""


class RemoteTraceback(Exception):
    """The traceback that an exception had in its engine; the cause of the exception that arrives."""

    def __str__(self):
        return "\n" + self.args[0]


def how_it_ended(status):
    """In words, what os.waitpid() said."""
    if status == -1:
        return "ended, and nobody knows how"
    if os.WIFEXITED(status):
        return f"exited with {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    why = ", as the kernel does when memory runs out" if number == signal.SIGKILL else ""
    return f"was killed ({name}{why})"


def death(status, item):
    """The exception for an engine that ended while it did an item (None: none)."""
    where = "between items" if item is None else f"while it did item {item}"
    return EngineDied(f"an engine {how_it_ended(status)} {where}", item, status)


def wait_for_interrupt(status):
    """Ctrl-C reaches engines and caller alike; the engine's end may be noticed first. KeyboardInterrupt is raised
    meanwhile."""
    if status != -1 and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT:
        time.sleep(0.2)


def name_item(error, item):
    """Say in the exception which item it is of; programs find it as `error.allot_item`."""
    if hasattr(error, "allot_item"):  # of a map within
        return error
    try:
        error.allot_item = item
    except AttributeError:
        pass
    error.add_note(f"allot: item {item}")
    return error


def encode(error):
    """An exception as bytes: itself and the text of its traceback, or a RemoteError in its place."""
    text = "".join(traceback.format_exception(error))
    try:
        data = pickle.dumps((error, text), 5)
        if isinstance(pickle.loads(data)[0], BaseException):
            return data
    except BaseException:  # of whatever its class has for __reduce__ and __init__
        pass
    try:
        words = "".join(traceback.format_exception_only(error)).strip()
    except BaseException:
        words = type(error).__qualname__
    return pickle.dumps((RemoteError(f"{words} (an exception that cannot be pickled)"), text), 5)


def shift_item(error, by):
    """The item that an exception names was counted from another beginning."""
    item = getattr(error, "allot_item", None)
    if item is not None and by:
        error.__notes__.remove(f"allot: item {item}")
        error.allot_item = item + by
        error.add_note(f"allot: item {item + by}")
    return error


class Failure:
    """An exception on its way to the caller among results."""

    __slots__ = ("data",)

    def __init__(self, error):
        self.data = encode(error)

    def __reduce__(self):
        return _failure, (self.data,)


def _failure(data):
    failure = Failure.__new__(Failure)
    failure.data = data
    return failure


def decode(data):
    """The exception that encode() was given, its cause the traceback that it had."""
    error, text = pickle.loads(data)
    error.__cause__ = RemoteTraceback(text)
    return error
