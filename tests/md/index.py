"""Named groups of atoms against GROMACS, for index.sh.

    index.py classes TYPES OURS        residuetypes.dat, and index_tool's class of each name in it
    index.py start NAME RESIDUE,...    NAME.gro and NAME.top of such residues
    index.py compare OURS THEIRS       index_tool's groups, and make_ndx's: ours may have others behind

SPDX-License-Identifier: Apache-2.0
"""
import sys

PROTEIN = ["N", "H", "1HB", "CA", "HA", "MCB1", "CB", "H2", "C", "O", "OXT", "HN1", "h", "cb", "OT", "MNZ3", "CAX", "H12", "2"]
ATOMS = {"SOL": ["OW", "HW1", "HW2"], "HOH": ["O", "H1", "H2"]}
IONS = ["NA", "CL", "ZN", "K", "MG", "CA"]


def classes(types, ours):
    theirs = dict(line.split() for line in open(types) if line.strip())
    mine = dict(line.split() for line in open(ours))
    wrong = [(name, mine[name], what) for name, what in theirs.items() if mine[name] != what]
    assert not wrong, wrong
    print(f"{len(theirs)} names of residues are of the classes that GROMACS has them in")


def start(name, residues):
    atoms = [(r, a) for r in residues for a in ATOMS.get(r, [r] if r in IONS else PROTEIN)]
    kinds = {r: [] for r in residues}
    with open(name + ".gro", "w") as out:
        print(name, len(atoms), sep="\n", file=out)
        k = 0
        for number, residue in enumerate(residues):
            for atom in ATOMS.get(residue, [residue] if residue in IONS else PROTEIN):
                k += 1
                print(f"{number + 1:5d}{residue:5s}{atom:>5s}{k:5d}{k % 10 / 10:8.3f}{k // 10 / 10:8.3f}{0:8.3f}", file=out)
        print("9 9 9", file=out)
    with open(name + ".top", "w") as out:
        print("[ defaults ]\n1 1\n[ atomtypes ]\nX 1 0 A 1 1", file=out)
        for residue in kinds:
            print(f"[ moleculetype ]\nkind_{residue} 1\n[ atoms ]", file=out)
            for k, atom in enumerate(ATOMS.get(residue, [residue] if residue in IONS else PROTEIN)):
                print(k + 1, "X 1", residue, atom, 1, file=out)
        print(f"[ system ]\n{name}\n[ molecules ]", file=out)
        for residue in residues:
            print(f"kind_{residue} 1", file=out)


def read(path):
    groups = []
    for line in open(path):
        if line.startswith("["):
            groups.append((line.strip("[] \n"), []))
        else:
            groups[-1][1].extend(map(int, line.split()))
    return groups


def compare(ours, theirs):
    mine, other = read(ours), read(theirs)
    for k, (name, atoms) in enumerate(other):
        assert mine[k] == (name, sorted(atoms)), (k, name, atoms, mine[k])
    more = [name for name, atoms in mine[len(other):]]
    assert len(set(more)) == len(more) and not {name.lower() for name in more} & {name.lower() for name, atoms in other}, more
    print(f"{theirs}: {len(other)} groups as GROMACS makes them; and ours: {' '.join(more) or 'none'}")


if sys.argv[1] == "classes":
    classes(*sys.argv[2:])
elif sys.argv[1] == "start":
    start(sys.argv[2], sys.argv[3].split(","))
else:
    compare(*sys.argv[2:])
