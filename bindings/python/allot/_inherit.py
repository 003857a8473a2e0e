"""Functions and classes that engines have by fork, so that they need no pickling.

What cannot be found again by its name (lambdas, closures, local classes), or what may be found in another version
(everything of `__main__`, where a notebook defines a function anew) gets a number. A process forked afterwards has
the object under the same number, and only the number is sent. `generation()` is the first number not given yet: a
process forked now knows all smaller ones. Objects are held weakly here; whoever sends a number holds the object
until the answer is there.

SPDX-License-Identifier: Apache-2.0
"""
import io
import pickle
import sys
import types
import weakref

_number_of_id = {}
_ref_of_number = {}
_next_number = 0


def generation():
    return _next_number


def _forget(ident, number):
    if _number_of_id.get(ident) == number:
        del _number_of_id[ident]
    _ref_of_number.pop(number, None)


def _enrol(obj):
    global _next_number
    number = _number(obj)
    if number is None:
        ident = id(obj)
        number, _next_number = _next_number, _next_number + 1
        _ref_of_number[number] = weakref.ref(obj, lambda _: _forget(ident, number))
        _number_of_id[ident] = number  # last: a Ctrl-C before it leaves a number that nobody uses
    return number


def _number(obj):
    """The number of obj or None. What is at its place may be left from another object: a Ctrl-C in a callback of
    weakref is lost, and the rest of the callback with it."""
    number = _number_of_id.get(id(obj))
    ref = _ref_of_number.get(number)
    return number if ref is not None and ref() is obj else None


def enrol_main():
    """Before a fork: what `__main__` defines, so that its functions need no newer fork when they are first used."""
    main = sys.modules.get("__main__")
    for obj in list(vars(main).values()) if main else ():
        if isinstance(obj, (types.FunctionType, type)) and obj.__module__ == "__main__":
            _enrol(obj)


def hold_all():
    """Strong references to everything numbered: a child of a fork keeps them for as long as it lives."""
    return [ref() for ref in list(_ref_of_number.values())]


def inherited(number):
    """The object of this number, in the process that has it."""
    ref = _ref_of_number.get(number)
    obj = ref() if ref else None
    if obj is None:
        raise pickle.UnpicklingError("a function or class that was sent back no longer exists in the caller's process")
    return obj


def _found_by_name(obj):
    found = sys.modules.get(obj.__module__)
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


_PICKLE_KNOWS = (type(None), type(NotImplemented), type(...))  # classes that it has its own ways for


def _goes_by_number(obj):
    if not isinstance(obj, (types.FunctionType, type)) or obj in _PICKLE_KNOWS:
        return False
    return obj.__module__ == "__main__" or not _found_by_name(obj)


class ByNumber(pickle.Pickler):
    """Pickles functions and classes by number where the name would not do. `need` is the generation of engine that
    can read it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.need = 0

    def reducer_override(self, obj):
        if not _goes_by_number(obj):
            return NotImplemented
        number = _enrol(obj)
        self.need = max(self.need, number + 1)
        return inherited, (number,)


_sealed_functions = weakref.WeakKeyDictionary()  # function -> (pickle, need)


def seal_function(function):
    """(pickle, need) of a function by name or number, which stays the same; None for other callables."""
    if type(function) is not types.FunctionType:
        return None
    known = _sealed_functions.get(function)
    if known is not None and (known[1] > 0 or _found_by_name(function)):  # the name may be another's by now
        return known
    out = io.BytesIO()
    pickler = ByNumber(out, 5)
    pickler.dump(function)
    known = _sealed_functions[function] = out.getvalue(), pickler.need
    return known


class Answering(pickle.Pickler):
    """An engine's pickler: what it has by number goes back by number. It gives no numbers of its own: nobody would
    know them."""

    def reducer_override(self, obj):
        number = _number(obj) if _goes_by_number(obj) else None
        return NotImplemented if number is None else (inherited, (number,))


class ByName(pickle.Pickler):
    """For engines that have nothing by fork, where there is no cloudpickle: what it cannot send is said with the
    remedy."""

    def reducer_override(self, obj):
        if _goes_by_number(obj):
            raise pickle.PicklingError(
                f"{obj.__module__}.{obj.__qualname__} cannot be found by name in a fresh interpreter, which engines are started from "
                "since the program has threads: install cloudpickle (Debian: python3-cloudpickle), define it in a "
                "module, or make the first call before threads are started")
        return NotImplemented


def by_value():
    """The pickler for such engines."""
    try:
        from cloudpickle import CloudPickler
    except ImportError:
        return ByName
    return CloudPickler
