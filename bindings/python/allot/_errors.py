# SPDX-License-Identifier: Apache-2.0
"""Exceptions that cross processes."""


class RemoteTraceback(Exception):
    """The cause of an exception that came from an engine: its traceback there, as text."""

    def __str__(self):
        return "\n" + self.args[0]


class RemoteError(Exception):
    """Stands for an exception that cannot be sent itself: its class, and what it says."""


class EngineDied(RuntimeError):
    """An engine ended while it ran this item or call: by a signal, by os._exit(), by want of memory."""
