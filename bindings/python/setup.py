"""The extension `allot._engines`: limited API, so that one build serves Python 3.11 and later.

include/allot/api.h is the one place that states the version.
SPDX-License-Identifier: Apache-2.0
"""
import pathlib
import re

from setuptools import Extension, setup

here = pathlib.Path(__file__).parent
api = (here / "../../include/allot/api.h").read_text()

setup(
    version=re.search(r'^#define ALLOT_VERSION "(.*)"', api, re.M).group(1),
    ext_modules=[
        Extension(
            "allot._engines",
            sources=[f"src/{name}.c" for name in ("area", "claim", "items", "module", "numbers", "processes", "wire")],
            include_dirs=["src"],
            define_macros=[("_GNU_SOURCE", ""), ("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=gnu11", "-fvisibility=hidden"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
