#!/usr/bin/env python3
"""The call graph of a codebase against the calls that its language's own compiler resolves.

usage: compare.py ANALYSE FOLDER CALLS [--list]

ANALYSE is the example `analyse` of crates/twindocs, built. CALLS has a line of JSON for each call between two places of FOLDER:
{"file", "line", "kind", "name", "to", "at"}: where it is called, how, the name of what is called, and the file and line that
declare it. A place is the innermost component around it. A call whose callee is no component of ours (a field of function type, a
signature in a type) is counted and left out. Precision leaves out our callback and dynamic edges: a compiler names what is declared,
not what may run.
"""
import functools
import json
import subprocess
import sys
from collections import Counter, defaultdict

# One component is deeper than another that has the same lines.
DEPTH = {"module": 0, "class": 1, "struct": 1, "enum": 1, "trait": 1, "interface": 1, "function": 2, "method": 3}


class Places:
    def __init__(self, components):
        self.by_file = defaultdict(list)
        for one in components:
            self.by_file[one["path"]].append(one)

    @functools.cache
    def around(self, file, line, name=None):
        fits = [one for one in self.by_file[file] if one["line_start"] <= line <= one["line_end"]]
        if name is not None:
            fits = [one for one in fits if one["kind"] != "module" and one["name"].split(".")[-1] == name]
        if not fits:
            return None
        best = min(fits, key=lambda one: (one["line_end"] - one["line_start"], -DEPTH[one["kind"]], -len(one["name"])))
        return best["id"]


def main():
    analyse, folder, calls = sys.argv[1:4]
    ours = json.loads(subprocess.run([analyse, folder], check=True, capture_output=True).stdout)
    places = Places(ours["components"])
    kind = {one["id"]: one["kind"] for one in ours["components"]}
    truth, outside, seen = {}, Counter(), set()
    for line in open(calls):
        call = json.loads(line)
        caller = places.around(call["file"], call["line"])
        if caller is None:
            outside["in a file that is not analysed"] += 1
            continue
        seen.add(call["file"])
        callee = places.around(call["to"], call["at"], call["name"])
        if callee is None:
            outside[f"{call['kind']} of what is no component"] += 1
            continue
        truth.setdefault((caller, callee), call["kind"])
    path = {one["id"]: one["path"] for one in ours["components"]}
    found = {}
    for edge in ours["graph"]["edges"]:
        if path[edge["caller"]] in seen:
            pair = (edge["caller"], edge["callee"])
            found.setdefault(pair, set()).add(edge["call_type"])
    sure = {pair: types for pair, types in found.items() if types - {"dynamic", "callback"}}
    missed = [pair for pair in truth if pair not in found]
    wrong = [pair for pair in sure if pair not in truth]
    callables = sum(one["kind"] in ("function", "method") for one in ours["components"])
    print(f"{folder}: {len(kind)} components ({callables} functions), {len(truth)} calls")
    print(f"recall {1 - len(missed) / max(1, len(truth)):.3f} ({len(missed)} missed), precision {1 - len(wrong) / max(1, len(sure)):.3f} ({len(wrong)} of {len(sure)} not in the truth)")
    all_kinds, lost = Counter(truth.values()), Counter(truth[pair] for pair in missed)
    for what, count in sorted(all_kinds.items()):
        print(f"  {what:22} {count:5} calls, recall {1 - lost[what] / count:.3f}")
    total, right = Counter(), Counter()
    for pair, types in found.items():
        for one in types:
            total[one] += 1
            right[one] += pair in truth
    for what, count in sorted(total.items()):
        print(f"  ours {what:17} {count:5} edges, in the truth {right[what]:5} ({right[what] / count:.3f})")
    for what, count in sorted(outside.items()):
        print(f"  left out: {count} ({what})")
    if "--list" in sys.argv:
        for pair in sorted(missed):
            print(f"missed {truth[pair]}: {pair[0]} -> {pair[1]}")
        for pair in sorted(wrong):
            print(f"not in the truth: {pair[0]} -> {pair[1]} ({', '.join(sorted(sure[pair]))})")


main()
