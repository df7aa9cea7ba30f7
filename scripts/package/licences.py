"""Collects the licences of all crates that the program is made of, and a list of them.

usage: licences.py OUTPUT_FOLDER
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

# Crates that name the MIT licence alone and have no copy of it.
MIT = """MIT License

Copyright (c) {authors}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated \
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the \
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit \
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the \
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE \
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR \
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR \
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

LICENCE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
TARGET = "x86_64-unknown-linux-gnu"


def crates():
    """The packages that the program's build takes, those of its tests left out."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    about = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    nodes = {node["id"]: node for node in about["resolve"]["nodes"]}
    root = about["resolve"]["root"]
    reached, waiting = set(), [root]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for dependency in nodes[name]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return [package for package in about["packages"] if package["id"] in reached - {root}]


def main(output):
    lines, unknown = [], []
    for package in sorted(crates(), key=lambda package: (package["name"], package["version"])):
        name = f"{package['name']}-{package['version']}"
        source = pathlib.Path(package["manifest_path"]).parent
        # Libraries in C lie in folders of their own within a crate.
        files = [path for path in source.rglob("*") if path.is_file() and LICENCE.match(path.name)]
        files = [path for path in files if path.suffix not in (".rs", ".c", ".h", ".py")]
        for path in files:
            place = output / name / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        declared = package["license"] or (package["license_file"] and "see its file")
        told = ""
        if not files and "Apache-2.0" in (declared or ""):
            told = ", taken under Apache-2.0 (LICENSE of this package)"
        elif not files and declared == "MIT":
            authors = ", ".join(package["authors"]) or f"the authors of {package['name']}"
            (output / name).mkdir(parents=True)
            (output / name / "LICENSE").write_text(MIT.format(authors=authors))
        elif not files:
            unknown.append(name)
        lines.append(f"{name}: {declared or 'see its files'}{told} ({package['repository'] or 'no address'})")
    if unknown:
        sys.exit(f"package: no copy of the licence of {', '.join(unknown)}")
    output.mkdir(parents=True, exist_ok=True)
    (output / "LIST").write_text("\n".join(lines) + "\n")


main(pathlib.Path(sys.argv[1]))
