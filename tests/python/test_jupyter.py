"""In a kernel of Jupyter, which has threads of its own: engines are forked all the same, and interrupting the kernel is a Ctrl-C.

SPDX-License-Identifier: Apache-2.0
"""
import sys
import time
import unittest

try:
    import ipykernel  # noqa: F401
    from jupyter_client.manager import KernelManager
except ImportError as error:
    print(f"{error} (Debian: python3-ipykernel, python3-jupyter-client)")
    sys.exit(77)

SECONDS = 60


class Kernel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager = KernelManager()
        cls.manager.start_kernel()
        cls.client = cls.manager.client()
        cls.client.start_channels()
        cls.client.wait_for_ready(timeout=SECONDS)

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)
        cls.manager.cleanup_resources()

    def run_cell(self, code, interrupt_at=None):
        """(what it showed as its result, what it printed, the name of its error); interrupted once it has printed interrupt_at."""
        ident = self.client.execute(code)
        shown, printed, error = None, "", None
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != ident:
                continue
            if kind == "stream":
                printed += content["text"]
                if interrupt_at and interrupt_at in printed:
                    time.sleep(0.2)
                    self.manager.interrupt_kernel()
                    interrupt_at = None
            elif kind == "execute_result":
                shown = content["data"]["text/plain"]
            elif kind == "error":
                error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                return shown, printed, error

    def test_cells(self):
        self.assertEqual(self.run_cell("import allot, os, time; y = 3"), (None, "", None))
        self.assertEqual(self.run_cell("allot.map(lambda x: (time.sleep(0.01), x * y)[1], range(40), engines=2)[-1]"),
                         ("117", "", None))  # without a word of clean engines
        self.assertEqual(self.run_cell("len(set(allot.map(lambda x: (time.sleep(0.01), os.getpid())[1], range(40), engines=2)))"),
                         ("2", "", None))
        for version in (1, 2):  # a function that is defined anew is the new one
            shown, _, error = self.run_cell(f"def f(x): return x + {version}\nwith allot.Executor(2) as e: r = list(e.map(f, [1]))\nr")
            self.assertEqual((shown, error), (f"[{1 + version}]", None))

    def test_interrupted(self):
        self.run_cell("import allot, os, time")
        for call in ("allot.map(time.sleep, [0.01] * 40 + [100] * 9)", "allot.Executor(1).submit(time.sleep, 100).result()"):
            with self.subTest(call):
                self.assertEqual(self.run_cell(f"print('go', flush=True); {call}", "go")[2], "KeyboardInterrupt")
        children = "open(f'/proc/self/task/{os.getpid()}/children').read()"
        self.assertEqual(self.run_cell(f"allot.map(abs, [1]); {children}")[0], "''")


if __name__ == "__main__":
    unittest.main()
