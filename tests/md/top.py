"""Two readings of a topology compared, for top.sh: ours (top_tool) and grompp's (gmx_d dump -s of its .tpr).

    top.py OURS DUMP

Molecules by name: types, charges, masses, exclusions, and every term with its atoms and numbers; the Lennard-Jones
numbers of all types that are used, CMAP grids, and what the system is made of. A number is right if it rounds to
what the dump prints.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import itertools
import math
import re
import sys

NAMES = {"BONDS": "BOND", "G96BONDS": "BOND_G96", "ANGLES": "ANGLE", "G96ANGLES": "ANGLE_G96",
         "UREY_BRADLEY": "UREY", "PDIHS": "PROPER", "IDIHS": "IMPROPER", "PIDIHS": "IMPROPER_PERIODIC",
         "RBDIHS": "RYCKAERT", "FOURDIHS": "RYCKAERT", "CMAP": "CMAP", "LJ14": "PAIR14", "POSRES": "RESTRAINT", "CONSTR": "CONSTRAINT", "CONSTRNC": "CONSTRAINT",
         "SETTLE": "SETTLE", "VSITE2": "VSITE2", "VSITE3": "VSITE3", "VSITE3FD": "VSITE3FD",
         "VSITE3FAD": "VSITE3FAD", "VSITE3OUT": "VSITE3OUT"}
NUMBER = r"[-+]?\d[-+.e\d]*"


def differs(ours, text):
    """Whether a number of ours rounds to another text than the dump's."""
    mantissa, _, exponent = text.partition("e")
    half = 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    # The dump rounds what was computed in another order; 0 from subtraction is not 0 everywhere.
    return abs(ours - float(text)) > half * 1.000001 + 1e-11 * abs(ours) + 1e-14


class Molecule:
    def __init__(self):
        self.atoms, self.excluded, self.terms = [], {}, []


def read_ours(path):
    rows, lj, cmaps, molecules = [], {}, {}, {}
    for line in open(path):
        what, *w = line.split()
        if what == "row":
            rows.append((w[0], int(w[1])))
        elif what == "lj":
            lj[int(w[0]), int(w[1])] = float(w[2]), float(w[3])
        elif what == "cmap":
            cmaps[int(w[0])] = [float(x) for x in w[2:]]
        elif what == "molecule":
            m = molecules[w[0]] = Molecule()
        elif what == "atom":
            m.atoms.append((int(w[0]), w[1], float(w[2]), float(w[3])))
        elif what == "excluded":
            m.excluded[int(w[0])] = sorted(map(int, w))
        else:
            m.terms.append(w)
    return rows, lj, cmaps, molecules


def read_dump(path):
    rows, functions, cmaps, molecules, names, m, open_list = [], {}, [], {}, {}, None, None
    for line in open(path):
        if open_list is not None or (found := re.match(r" +excls\[(\d+)\]\[num=\d+\]=\{(.*)", line)):
            if open_list is None:
                open_list = m.excluded[int(found[1])] = []
                line = found[2]
            open_list.extend(map(int, re.findall(r"\d+", line)))
            open_list = None if "}" in line else open_list
        elif found := re.match(r' +moltype += (\d+) "(.*)"', line):
            names[int(found[1])] = found[2]
            rows.append([found[2], 0])
        elif found := re.match(r" +#molecules += (\d+)", line):
            rows[-1][1] = int(found[1])
        elif found := re.match(r" +(fudgeQQ|atnr) *= *(\S+)", line):
            functions[found[1]] = float(found[2])
        elif found := re.match(r" +functype\[(\d+)\]=(\w+), (.*)", line):
            functions[int(found[1])] = found[2], numbers(found[2], found[3])
        elif re.match(r"grid\[", line):
            cmaps.append([])
        elif cmaps and m is None and (found := re.match(rf" +({NUMBER}) +{NUMBER} +{NUMBER} +{NUMBER}\s*$", line)):
            cmaps[-1].append(found[1])
        elif found := re.match(r" +moltype \((\d+)\):", line):
            m = molecules[names[int(found[1])]] = Molecule()
        elif found := re.match(rf" +atom\[ *\d+\]=\{{type= *(\d+),.* m= *({NUMBER}), q= *({NUMBER}),", line):
            m.atoms.append([int(found[1]), None, found[3], found[2]])
        elif m is not None and (found := re.match(r' +atom\[(\d+)\]=\{name="(.*)"\}', line)):
            m.atoms[int(found[1])][1] = found[2]
        elif found := re.match(r" +\d+ type=(\d+) \((\w+)\)((?: +\d+)+)\s*$", line):
            m.terms.append((found[2], [int(a) for a in found[3].split()], int(found[1])))
    return rows, functions, cmaps, molecules


def numbers(name, text):
    """The numbers of state A, as texts."""
    if name == "POSRES":
        return re.findall(NUMBER, re.search(r"fcA=\((.*?)\)", text)[1])
    fields = re.findall(rf"(\w+)(?:\[\d\])? *= *({NUMBER})", text)
    return [value for field, value in fields if not field.endswith("B")]


class Comparison:
    def __init__(self):
        self.wrong, self.count = 0, collections.Counter()

    def complain(self, text):
        self.wrong += 1
        if self.wrong <= 12:
            print("  ", text)

    def check(self, what, ours, theirs):
        self.count[what.split()[0]] += 1
        if ours != theirs:
            self.complain(f"{what}: {ours}, GROMACS {theirs}")

    def check_numbers(self, what, ours, theirs):
        self.count[what.split()[0]] += 1
        if len(ours) != len(theirs) or any(map(differs, ours, theirs)):
            self.complain(f"{what}: {ours}, GROMACS {theirs}")


def our_terms(m):
    """Of each kind and atoms: the numbers of its terms, sorted as terms of equal atoms have no order that matters."""
    terms = collections.defaultdict(list)
    for kind, *w in m.terms:
        n = 5 if kind == "CMAP" else 4 if kind in FOURS else 3 if kind in THREES else 1 if kind == "RESTRAINT" else 2
        terms[kind, tuple(map(int, w[:n]))].append([float(x) for x in w[n:]])
    return terms


FOURS = {"PROPER", "IMPROPER", "IMPROPER_PERIODIC", "RYCKAERT", "VSITE3", "VSITE3FD", "VSITE3FAD", "VSITE3OUT"}
THREES = {"ANGLE", "ANGLE_G96", "UREY", "SETTLE", "VSITE2"}


def ryckaert(f1, f2, f3, f4):
    """Fourier dihedrals, which the dump turns back, in the form that they are computed in (GROMACS manual)."""
    return [f"{c:.7e}" for c in (f2 + (f1 + f3) / 2, (3 * f3 - f1) / 2, 4 * f4 - f2, -2 * f3, -4 * f4, 0)]


def their_terms(m, functions):
    terms = collections.defaultdict(list)
    for name, atoms, k in m.terms:
        assert functions[k][0] == name
        of = functions[k][1]
        terms[NAMES[name], tuple(atoms)].append(ryckaert(*map(float, of)) if name == "FOURDIHS" else of)
    return terms


def adapt(kind, ours, atoms, charges, fudge):
    """Our numbers as the dump has them: it keeps charges of pairs apart, vsites' angles as legs, GROMOS terms as squares and
    cosines."""
    if kind == "PAIR14":
        expected = fudge * charges[atoms[0]] * charges[atoms[1]]
        return ours[:2] + ([] if abs(ours[2] - expected) < 1e-9 else [ours[2]])
    if kind == "VSITE3FAD":
        angle = math.radians(ours[0])
        return [ours[1] * math.cos(angle), ours[1] * math.sin(angle)]
    if kind == "BOND_G96":
        return [ours[0] ** 2, ours[1]]
    if kind == "ANGLE_G96":
        return [math.cos(math.radians(ours[0])), ours[1]]
    return ours


def compare_terms(c, name, ours, theirs, functions):
    fudge, charges = functions["fudgeQQ"], [a[2] for a in ours.atoms]
    mine, yours = our_terms(ours), their_terms(theirs, functions)
    for kind, atoms in sorted(set(mine) | set(yours)):
        a = [adapt(kind, x, atoms, charges, fudge) for x in mine.get((kind, atoms), [])]
        b = yours.get((kind, atoms), [])
        c.check(f"{kind} {name} {atoms}: how many", len(a), len(b))
        for x, y in zip(sorted(a), sorted(b, key=lambda y: [float(v) for v in y])):
            c.check_numbers(f"{kind} {name} {atoms}", x, y)
    # Terms of a kind in the order of the file, too.
    for kind in {kind for kind, _ in yours}:
        c.check(f"{kind} {name}, order", [k[1] for k in mine if k[0] == kind], [k[1] for k in yours if k[0] == kind])


def compare_molecule(c, name, ours, theirs, functions, types):
    c.check(f"molecule {name}, atoms", len(ours.atoms), len(theirs.atoms))
    for k, (a, b) in enumerate(zip(ours.atoms, theirs.atoms)):
        c.check(f"atom {name} {k}: name", a[1], b[1])
        c.check_numbers(f"atom {name} {k} {a[1]}: charge, mass", a[2:], b[2:])
        c.check(f"atom {name} {k} {a[1]}: type", b[0], types.setdefault(a[0], b[0]))
        c.check(f"exclusions {name} {k}", ours.excluded[k], sorted(theirs.excluded[k]))
    compare_terms(c, name, ours, theirs, functions)


def joined(rows):
    """Rows of molecules, those beside their likes made one, as grompp does."""
    groups = itertools.groupby(rows, lambda row: row[0])
    return [(name, sum(row[1] for row in group)) for name, group in groups]


def main(ours, theirs):
    c, types = Comparison(), {}
    rows, lj, cmaps, molecules = read_ours(ours)
    their_rows, functions, grids, their_molecules = read_dump(theirs)
    c.check("system", joined(rows), joined(their_rows))
    c.check("system, molecules", sorted({r[0] for r in rows}), sorted(their_molecules))
    for name in their_molecules:
        compare_molecule(c, name, molecules[name], their_molecules[name], functions, types)
    for a in types:
        for b in types:
            k = types[a] * int(functions["atnr"]) + types[b]
            c.check_numbers(f"lj {a} {b}", lj[a, b], functions[k][1])
    c.check("cmap grids", len(cmaps), len(grids))
    for k, grid in enumerate(grids):
        c.check_numbers(f"cmap {k}", cmaps[k], grid)
    print("  ", ", ".join(f"{n} {what}" for what, n in sorted(c.count.items())))
    if c.wrong:
        print(f"   {c.wrong} differences")
    return c.wrong > 0 or c.count["lj"] == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
