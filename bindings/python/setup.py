"""The extension `allot._engines`: limited API, so that one build serves Python 3.11 and later.

include/allot/api.h is the one place that states the version; the clock and the count of processors are the house's.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re

from setuptools import Extension, setup

here = pathlib.Path(__file__).resolve().parent
house = here.parent.parent  # its sources by the link src/house: setuptools takes no path from outside
version = re.search(r'^#define ALLOT_VERSION "(.*)"', (house / "include/allot/api.h").read_text(), re.M).group(1)
own = ["area", "claim", "context", "items", "module", "numbers", "processes", "wire"]
shared = ["base/cgroup", "base/clock", "topo/cgroup", "topo/cpus"]

setup(
    version=version,
    ext_modules=[
        Extension(
            "allot._engines",
            sources=[f"src/{name}.c" for name in own] + [f"src/house/{name}.c" for name in shared],
            include_dirs=["src", "src/house", str(house / "include")],
            define_macros=[("_GNU_SOURCE", ""), ("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=gnu11", "-fvisibility=hidden"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
