#!/bin/bash
# index.sh - the groups that a system has without an index file, against what gmx make_ndx makes of it.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
needs_gromacs gmx
types=/usr/share/gromacs/top/residuetypes.dat
[ -e $types ] || skip "no $types (Debian: gromacs-data)"
tool="$ALLOT_BUILD/tests/index_tool"
index="$ALLOT_SOURCE/tests/md/index.py"

{ cut -d' ' -f1 $types; cut -f1 $types; } | awk '{ print $1 }' | sort -u >names
"$tool" classes <names >classes
$python "$index" classes $types classes

while read -r name residues; do
    $python "$index" start "$name" "$residues"
    gmx make_ndx -f "$name.gro" -o "$name.ndx" <<<q >gmx.log 2>&1 || { cat gmx.log; exit 1; }
    "$tool" groups "$name.top" >ours
    $python "$index" compare ours "$name.ndx"
done <<END
all ALA,GLY,LIG,NA,CL,SOL,DA,DT,LIG,QQQ,ZN,U,HOH,NALA
ions NA,SOL,LIG,CL
others LIG,QQQ,LIG
water SOL,SOL
brine HOH,NA,CL
peptide ALA,ALA
capped ACE,NME,SOL,K
nucleic DA,RU,NA
second RU,DA,NA,LIG
third NA,DA,LIG,RU,SOL
small ala,Gly,lig,NA,Cal,sol
melt LIG
calcium CA,SOL
END
for pair in amber99sb-ildn:tip3p; do # a protein as pdb2gmx makes it, and GROMACS reads what it wrote
    pdb=$mdref/pdb/1ubq.pdb
    [ -e "$pdb" ] || continue
    quietly gmx pdb2gmx -f "$pdb" -ff "${pair%:*}" -water "${pair#*:}" -ignh -o ubq.gro -p ubq.top
    gmx make_ndx -f ubq.gro -o ubq.ndx <<<q >gmx.log 2>&1 || { cat gmx.log; exit 1; }
    "$tool" groups ubq.top >ours
    $python "$index" compare ours ubq.ndx
done
