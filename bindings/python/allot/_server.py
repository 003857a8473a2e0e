"""Templates: processes that do nothing but fork engines.

An executor has a thread of its own, and the program may have others. To fork while they run is to copy locks that
nobody will ever release. So engines are not forked from the program but from a template, which has one thread. There
are two kinds:

- a *fork* of the program, made while no other thread can be in the way (`Template.by_fork`). Engines forked from it
  have all that the program had at that time: functions, lambdas, data, without any sending;
- a *fresh interpreter* (`Template.clean`), the clean fork server, for a program with threads of its own. Functions
  reach its engines by pickle. The program is told once, by a `CleanEngines` warning.

A template ends when the program closes its end of the connection or dies, and it takes its engines along. It collects
engines that end, and says how, so that there are no zombies.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import gc
import os
import select
import signal
import sys
import threading
import warnings
import weakref

from allot import _engines, _inherit, _serve, _wire

_PARK_SECONDS = 1.0  # for a thread of ours to come to rest; longer, and it may be in a callback that waits for us
_restful = weakref.WeakSet()  # objects with a lock `awake` that their thread holds while it does anything
_HARMLESS = ("HistorySavingThread", "tqdm_monitor", "ipykernel", "Heartbeat", "IOPub", "Control", "_watch_pipe_fd")


class CleanEngines(UserWarning):
    """Engines are started from a fresh interpreter, since the program has threads."""


os.register_at_fork(after_in_child=_restful.clear)  # the child has none of these threads


def rests_between(obj):
    """The thread of obj holds obj.awake (a lock) whenever it does not merely wait: then it is no obstacle to a fork."""
    _restful.add(obj)


def _threads_in_the_way():
    here = threading.current_thread()
    return [t.name for t in threading.enumerate() if t is not here and not hasattr(t, "is_parked_for_forks") and not _harmless(t)]


def _harmless(thread):
    """Threads of IPython and Jupyter that sleep while a cell runs, and hold nothing that an engine uses."""
    kind = type(thread)
    return any(part in text for text in (kind.__name__, kind.__module__, thread.name) for part in _HARMLESS)


class threads_parked:
    """Holds the threads of this module where they hold no lock. Gives the names of the threads that are in the way
    of a fork.

    Ctrl-C waits until they are let go. A class, since a generator that is left halfway lives on in the traceback,
    and the locks with it.
    """

    def __init__(self):
        self._parked = []

    def __enter__(self):
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
            in_the_way = _threads_in_the_way()
            for obj in [] if in_the_way else list(_restful):
                if obj.thread is threading.current_thread() or not obj.awake.acquire(timeout=_PARK_SECONDS):
                    return [obj.thread.name]
                self._parked.append(obj)
            return in_the_way
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for obj in self._parked:
            obj.awake.release()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


class Template(_engines.Processes):
    """The program's side: a context of one process, which is killed and reaped at the latest when nobody has this
    object any more. `generation` is what its engines know by number (_inherit)."""

    def __init__(self, _=1):
        self.link = None
        self.generation = 0
        self.spawned = 0  # the process, where it is not one of ours that C looks after
        self.ended = False

    @classmethod
    def by_fork(cls, start_engine):
        """Call it within threads_parked(). In each engine, start_engine(link, arena) is run. Wherever a Ctrl-C
        comes, nothing is left: the process and the links go with the objects."""
        template = cls(1)
        _inherit.enrol_main()
        template.generation = _inherit.generation()
        template.link, theirs = _engines.link_pair()
        _wire.owned_here(template)
        template.fork(1, lambda: _be_template(theirs, start_engine))
        theirs.close()
        return template

    @classmethod
    def fresh(cls, why=None):
        """A fresh interpreter, from any thread. `why` is said to the user."""
        if why:
            warnings.warn(why, CleanEngines, stacklevel=_level_of_caller())
        if not sys.executable:
            raise RuntimeError("engines need a fresh Python interpreter since this program has threads, "
                               "and sys.executable does not say where one is: set it")
        template = cls(1)
        template.link, theirs = _engines.link_pair()
        _wire.owned_here(template)
        fd = theirs.fileno()
        code = f"import sys; sys.path[:] = {sys.path!r}; from allot import _server; _server.main({fd}, {sys.argv!r})"
        template.spawned = os.posix_spawn(
            sys.executable, [sys.executable, *_interpreter_flags(), "-c", code], os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, fd)],
            setsigmask=[signal.SIGINT])  # as in a template by fork: Ctrl-C is not for what is only being started
        theirs.close()
        return template

    def start_engine(self, number, link, arena_fd):
        _wire.send_with_fds(self.link, ("engine", number), [link.fileno(), arena_fd])

    def kill(self, number):
        with contextlib.suppress(OSError):  # it is gone, and its engines with it
            _wire.send_with_fds(self.link, ("kill", number), [])

    def close(self):
        """It ends, and what engines it still has are killed. Waits for it: a template is quick."""
        self.link.close()
        if self.ended:
            return
        self.ended = True
        if self.spawned:
            with contextlib.suppress(ChildProcessError):  # somebody else has waited for it
                os.waitpid(self.spawned, 0)
        else:
            self.reap(1, True)


def _level_of_caller():
    """For warnings.warn() in the function that calls this: the first level outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    return level


def _interpreter_flags():
    from subprocess import _args_from_interpreter_flags  # what multiprocessing uses, too
    return _args_from_interpreter_flags()


def _be_template(link, start_engine):
    kept = _inherit.hold_all()
    gc.disable()
    gc.freeze()
    _quiet_signals()
    _fork_on_demand(link, start_engine)
    del kept


def _quiet_signals():
    """Ctrl-C is the program's to answer; what else it had set must not be run by a copy of it."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _fork_on_demand(link, start_engine):
    running = {}  # pidfd -> (number, a context of one process)
    poll = select.poll()
    poll.register(link, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd in running:
                poll.unregister(fd)
                number, engine = running.pop(fd)
                _tell(link, "ended", number, engine.reap(1, True))
                continue
            message, fds = _wire.receive_with_fds(link)
            if message is None:
                return  # the engines are killed with `running`
            kind, number = message
            if kind == "kill":
                for its_number, engine in running.values():
                    if its_number == number:
                        engine.kill(1)
                continue
            engine = _fork_engine(link, start_engine, fds, number)
            if engine is not None:
                running[engine.pidfd(1)] = number, engine
                poll.register(engine.pidfd(1), select.POLLIN)


def _tell(link, *message):
    with contextlib.suppress(OSError):  # the program has gone: the next packet says so
        _wire.send_with_fds(link, message, [])


def _fork_engine(link, start_engine, fds, number):
    """A context of one process, or None."""

    def body():
        link.close()
        gc.enable()
        start_engine(_engines.Link(fds[0]), _serve.Arena(fds[1]))

    engine = _engines.Processes(1)
    try:
        engine.fork(1, body)
    except OSError as error:
        _tell(link, "failed", number, f"an engine could not be forked: {error}")
        return None
    finally:
        for fd in fds:
            os.close(fd)
    return engine


def main(fd, argv):
    """The fresh interpreter's."""
    sys.argv[:] = argv
    os.set_inheritable(fd, False)
    gc.freeze()
    gc.disable()
    _quiet_signals()
    _fork_on_demand(_engines.Link(fd), _serve.serve)
