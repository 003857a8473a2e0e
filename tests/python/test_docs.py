"""What is said of the module holds: every example is run, of the docstrings and of docs/python.md.

SPDX-License-Identifier: Apache-2.0
"""
import doctest
import importlib
import inspect
import os
import pathlib
import pkgutil
import re
import unittest

import allot

SOURCE = pathlib.Path(os.environ.get("ALLOT_SOURCE", pathlib.Path(__file__).parents[2]))
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def run_examples(tests):
    """(failed, tried) of doctest's tests, told on standard output."""
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in tests:
        runner.run(test)
    return runner.summarize(verbose=False)


def blocks_of(page):
    """The sessions of a page, each fenced as ```pycon, as one test: what comes later uses what was before."""
    text = page.read_text(encoding="utf-8")
    session = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", text, re.M | re.S))
    return doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), 0)


class Examples(unittest.TestCase):
    def test_docstrings(self):
        finder, ntried = doctest.DocTestFinder(), 0
        names = ["allot"] + ["allot." + each.name for each in pkgutil.iter_modules(allot.__path__)]
        for found in map(importlib.import_module, names):
            if inspect.getsourcefile(found):  # the extension has none
                result = run_examples(finder.find(found, found.__name__))
                self.assertEqual(result.failed, 0, found.__name__)
                ntried += result.attempted
        self.assertGreater(ntried, len(allot.__all__))

    def test_every_public_name_has_an_example(self):
        for name in allot.__all__:
            found = getattr(allot, name)
            if not (inspect.isclass(found) and issubclass(found, BaseException)):
                self.assertIn(">>>", found.__doc__ or "", f"allot.{name} shows no example")
            self.assertTrue(found.__doc__, f"allot.{name} is not described")

    def test_pages(self):
        for page in ("docs/python.md", "README.md"):
            test = blocks_of(SOURCE / page)
            self.assertGreater(len(test.examples), 0, page)
            self.assertEqual(run_examples([test]).failed, 0, page)

    def test_page_tells_of_every_public_name(self):
        text = (SOURCE / "docs/python.md").read_text(encoding="utf-8")
        for name in allot.__all__:
            self.assertIn(f"allot.{name}", text)


if __name__ == "__main__":
    unittest.main()
