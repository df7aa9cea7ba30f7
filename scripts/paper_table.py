"""Runs the rows of scripts/paper_table.json whose files are at hand and writes them as Markdown (see paper_table.sh)."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ALPHAS = ["0.05", "0.1", "0.15"]
ABSENT = "not at hand"


def main():
    arguments = parsed()
    table = json.loads(arguments.table.read_text())
    splits = dict(split.split("=", 1) for split in arguments.split)
    reports = arguments.output.with_suffix("")
    reports.mkdir(parents=True, exist_ok=True)
    rows, failed = [], False
    for system in table["systems"]:
        for run in system["runs"]:
            dataset = run["dataset"]
            common = table["datasets"][dataset]["common"]
            own = run.get("protocol", system["protocol"])
            missing = absent(arguments, system, run)
            # Where pairs change places, other protocols need a run of their own.
            together = [[own], [common]] if system.get("exchanges") else [[own, common]]
            found = {}
            for protocols in [] if missing else together:
                path = reports / f"{system['name']}-{dataset}-{protocols[0]}.json"
                try:
                    done = report(arguments, splits, system, run, protocols, path)
                    found.update((protocol, done) for protocol in protocols)
                except RuntimeError as error:
                    print(f"paper_table: {error}", file=sys.stderr)
                    failed = True
            rows.append((system, run, own, common, missing, found))
    write(arguments.output, table, rows)
    print(f"wrote {arguments.output}")
    return 1 if failed else 0


def parsed():
    parser = argparse.ArgumentParser(prog="paper_table.sh", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder that holds the datasets' folders")
    parser.add_argument("checkpoints", type=Path, help="the folder that holds the files")
    parser.add_argument("-o", "--output", type=Path, default=Path("paper_table.md"))
    parser.add_argument("--table", type=Path, default=Path(__file__).parent / "paper_table.json",
                        help="another list of systems, in the form of scripts/paper_table.json")
    parser.add_argument("--limit", type=int, help="only the first pairs of each dataset: a rehearsal")
    parser.add_argument("--split", action="append", default=[], metavar="DATASET=NAME",
                        help="another split than the test split; repeatable")
    own, further = sys.argv[1:], []
    if "--" in own:
        own, further = own[: own.index("--")], own[own.index("--") + 1 :]
    arguments = parser.parse_args(own)
    arguments.further = further
    for split in arguments.split:
        if "=" not in split:
            parser.error(f"--split takes DATASET=NAME, not {split}")
    return arguments


def absent(arguments, system, run):
    """The first file that the row needs and that is not there."""
    needed = [run["weights"]] + ([system["backbone"]] if "backbone" in system else [])
    return next((name for name in needed if not (arguments.checkpoints / name).exists()), None)


def report(arguments, splits, system, run, protocols, path):
    """The report of one run, from before if it is there."""
    weights = str(arguments.checkpoints / run["weights"])
    files = ["--weights", weights]
    if "backbone" in system:
        files = ["--backbone", str(arguments.checkpoints / system["backbone"]), "--head", weights]
    command = [os.environ["LPMFLOW"], "eval", "--dataset", run["dataset"], "--data-root", str(arguments.data),
               "--protocol", ",".join(protocols), "--alpha", ",".join(ALPHAS), *files, *run.get("flags", []), *arguments.further]
    if run["dataset"] in splits:
        command += ["--split", splits[run["dataset"]]]
    if arguments.limit:
        command += ["--limit", str(arguments.limit)]
    kept = path.with_suffix(".command")
    if path.exists() and kept.exists() and kept.read_text() == json.dumps(command):
        return json.loads(path.read_text())
    print(f"{system['name']} on {run['dataset']} by {' and '.join(protocols)}", flush=True)
    done = subprocess.run([*command, "--report", str(path)], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{system['name']} on {run['dataset']} failed: {' '.join(command)}")
    kept.write_text(json.dumps(command))
    return json.loads(path.read_text())


def scores(found, protocol):
    """PCK by alpha, and by category and alpha."""
    if protocol not in found:
        return {}, {}
    entry = next(entry for entry in found[protocol]["protocols"] if entry["name"] == protocol)
    categories = {name: category["pck"] for name, category in entry["categories"].items()}
    return entry["overall"], categories


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def number(value):
    return "" if value is None else f"{value:.1f}"


def write(path, table, rows):
    text = "# The table of the paper\n\n"
    text += "PCK in percent: by the evaluator of the system's authors, in brackets what their repository (or the paper, "
    text += "where it says nothing) states; and by the protocol that this program has for the dataset.\n\n"
    for dataset, settings in table["datasets"].items():
        own_rows = [row for row in rows if row[1]["dataset"] == dataset]
        pairs = {found["dataset"]["pairs"] for row in own_rows for found in row[5].values()}
        counted = f" ({', '.join(map(str, sorted(pairs)))} pairs)" if pairs else ""
        text += f"## {settings['title']}{counted}\n\n"
        head = ["system", "evaluator", *ALPHAS, *[f"`{settings['common']}` {alpha}" for alpha in ALPHAS]]
        text += line(head) + line(["---"] * len(head))
        for system, run, own, common, missing, found in own_rows:
            by_own, by_common = scores(found, own)[0], scores(found, common)[0]
            cells = [beside(by_own.get(alpha), run.get("published", {}).get(alpha)) for alpha in ALPHAS]
            cells += [number(by_common.get(alpha)) for alpha in ALPHAS]
            name = f"[{system['name']}]({system['source']})"
            if missing:
                name += f" {ABSENT}: `{missing}`"
            text += line([name, f"`{own}`", *cells])
        text += "\n" + by_category(own_rows)
    path.write_text(text)


def beside(ours, stated):
    """Our figure with the stated one in brackets, as far as they are known."""
    return " ".join(filter(None, [number(ours), f"({number(stated)})" if stated is not None else ""]))


def by_category(rows):
    """PCK at 0.1 of every category by the systems' own protocols."""
    columns = {}
    for system, _, own, _, _, found in rows:
        categories = scores(found, own)[1]
        if categories:
            columns[system["name"]] = categories
    if not columns:
        return ""
    names = sorted({name for categories in columns.values() for name in categories})
    text = "By category at 0.1, own protocols:\n\n" + line(["system", *names]) + line(["---"] * (1 + len(names)))
    for system, categories in columns.items():
        cells = [number(categories.get(name, {}).get("0.1")) for name in names]
        text += line([system, *cells])
    return text + "\n"


if __name__ == "__main__":
    sys.exit(main())
