#!/usr/bin/python3
"""statistics.py temperature NAME KIND - kinetic energies of the groups in NAME/trajectory.trr against the canonical distribution that the
thermostats of NAME.mdp are there for: their means and variances. KIND is held or, for a thermostat known not to have it, narrow.
statistics.py density MODEL [NAME=FOLDER|NAME=FILE.xvg ...] - volumes of simulations at constant pressure: each one's density and
compressibility against what is published, and all against each other.
statistics.py drift NAME=FOLDER NAME=FILE.xvg - slopes of the energy that is to stay: the first is to be no worse than the second.

Every bound is a multiple of a standard error. What is correlated in time counts as as many independent samples as there are in it:
n / g, where g = 1 + 2 (sum of the autocorrelation, up to five correlation times, 5 g/2); for a variance, of the autocorrelation's square, as it is
for anything normal. The size of fluctuations themselves is not estimated where it is known: a canonical kinetic energy of f degrees of
freedom has mean f kT/2 and variance f (kT)^2/2. MANY standard errors are exceeded by chance once in 150,000 times.

SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import sys

import trr

try:
    import numpy
except ImportError:
    print("skipped: no numpy (Debian: python3-numpy)")
    sys.exit(77)

MANY = 4.5
FEWEST = 20  # independent samples that a normal distribution of their mean takes
BOLTZMANN = 0.00831446261815324  # kJ/mol/K
DALTON = 1.66053906660  # kg/m^3 of u/nm^3
MASSES = numpy.array([15.9994, 1.008, 1.008])  # of a water, in gromacs-data; a site has none
# kg/m^3 and 1e-10/Pa, at 298 K and 1 bar: TIP3P, SPC/E and TIP4P of Vega and Abascal, Phys. Chem. Chem. Phys. 13, 19663 (2011); SPC of Wu,
# Tepper and Voth, J. Chem. Phys. 124, 024503 (2006). Those of others differ by cut-offs and corrections: by one in a hundred of a density,
# and by one in ten of a compressibility. (Quoted from memory: to be compared with the papers.)
PUBLISHED = {"tip3p": (980, 5.74), "spc": (977, 5.35), "spce": (994, 4.61), "tip4p": (988, 5.9)}
DENSITY_APART, COMPRESSIBILITY_APART = 0.01, 0.1
failed = False


def hold(text, off, error, allowed=0.0):
    """off must be nothing but chance, beyond what is allowed"""
    global failed
    holds = abs(off) <= allowed + MANY * error
    failed = failed or not holds
    print(f"  {text}: off by {off:.3g}, {off / error:.2f} standard errors" + ("" if holds else " - WRONG"))


def inefficiency(series, power=1):
    """How many of them are worth one that is independent; 1 or more."""
    x = numpy.asarray(series) - numpy.mean(series)
    n = len(x)
    padded = numpy.fft.rfft(x, 2 * n)
    rho = numpy.fft.irfft(abs(padded) ** 2)[:n]
    rho = (rho / rho[0]) ** power
    sums = 1 + 2 * numpy.cumsum(rho[1:])
    far = numpy.nonzero(numpy.arange(1, n) >= 2.5 * numpy.maximum(sums, 1))[0]
    if len(far) == 0 or n / max(sums[far[0]], 1) < FEWEST:
        sys.exit(f"{n} samples are worth fewer than {FEWEST} that are independent: simulate for longer (STATISTICS_PS)")
    return max(sums[far[0]], 1)


class Mean:
    """Of a series, and its standard error."""

    def __init__(self, series):
        self.value = numpy.mean(series)
        self.error = numpy.std(series) * math.sqrt(inefficiency(series) / len(series))


class Variance:
    def __init__(self, series):
        self.value = numpy.var(series)
        self.error = self.value * math.sqrt(2 * inefficiency(series, 2) / len(series))


# ---- temperature ------------------------------------------------------------------------------------------


def parameters(name):
    rows = (line.split("=") for line in open(name + ".mdp", encoding="ascii"))
    return {key.strip(): value.split() for key, value in rows}


def groups(name):
    """[(name, atoms)]: of an index"""
    found = []
    for line in open(name, encoding="ascii"):
        if line[0] == "[":
            found.append((line.split()[1], []))
        else:
            found[-1][1].extend(int(word) - 1 for word in line.split())
    return dict(found)


def later(frames, mdp):
    """Without the beginning, a fifth."""
    return [frame for frame in frames if frame[0] > int(mdp["nsteps"][0]) / 5]


def check_temperature(name, kind):
    mdp, atoms = parameters(name), groups("groups.ndx")
    frames = later(trr.frames(name + "/trajectory.trr"), mdp)
    v = numpy.array([frame[3] for frame in frames]).reshape(len(frames), -1, 3)
    each = (v**2).sum(axis=2) * numpy.tile(MASSES, v.shape[1] // 3) / 2
    removed = 0 if mdp["comm-mode"][0] == "none" else 3
    print(f"{name}: {len(frames)} frames")
    for group, temperature in zip(mdp["tc-grps"], mdp["ref-t"]):
        mine, kt = atoms[group], BOLTZMANN * float(temperature)
        freedom = 2 * len(mine) * (1 - removed / (2 * v.shape[1]))  # six a water; GROMACS takes those of the whole from groups alike
        energy = each[:, mine].sum(axis=1) / (freedom * kt / 2)
        ideal, n = 2 / freedom, len(energy)
        variance = numpy.mean((energy - 1) ** 2) / ideal
        error = math.sqrt(2 * inefficiency(energy, 2) / n)
        hold(f"{group}, mean of the kinetic energy {energy.mean():.5f}", energy.mean() - 1, math.sqrt(ideal * inefficiency(energy) / n))
        if kind == "held":
            hold(f"{group}, its variance {variance:.4f}", variance - 1, error)
        elif not variance < 1 - MANY * error:
            sys.exit(f"{group}: the variance of {name} is {variance:.3f}, +- {error:.3f}: this check would not see that it is narrow")
        else:
            print(f"  {group}, its variance {variance:.4f}, {(variance - 1) / error:.2f} standard errors off, as it has to be")


    if mdp["integrator"][0] == "sd":
        check_heat(name, mdp, {group: BOLTZMANN * float(t) * 2 * len(atoms[group]) for group, t in zip(mdp["tc-grps"], mdp["ref-t"])})


def check_heat(name, mdp, twice_energy):
    """Friction takes its energy twice in a time constant, and chance gives as much. What is conserved is to know all but a hundredth:
    what steps of finite length cost is less by far, and what lengths that are kept take of the noise would be half of it."""
    global failed
    rows = [json.loads(line) for line in open(name + "/energies.jsonl", encoding="ascii")]
    heat = sum(twice_energy[group] / float(tau) for group, tau in zip(mdp["tc-grps"], mdp["tau-t"])) * rows[-1]["time"]
    lost = rows[-1]["conserved"] - rows[0]["conserved"]
    holds = abs(lost) < heat / 100
    failed = failed or not holds
    print(f"  of {heat:.4g} kJ/mol of heat back and forth, {lost:.4g} are not accounted for" + ("" if holds else " - WRONG"))


# ---- pressure ---------------------------------------------------------------------------------------------


def columns(name):
    """Of an .xvg, without the beginning, a fifth."""
    rows = [[float(word) for word in line.split()] for line in open(name, encoding="ascii") if line[0] not in "#@"]
    return numpy.array([row for row in rows if row[0] > rows[-1][0] / 5]).T


def volumes(place):
    if place.endswith(".xvg"):
        return columns(place)[1]
    frames = trr.frames(place + "/trajectory.trr")
    return numpy.array([f[1][0] * f[1][4] * f[1][8] for f in frames if f[0] > frames[-1][0] / 5])


class Liquid:
    """Of one simulation: density, its inverse's fluctuations, and their errors."""

    def __init__(self, name, place, nwaters, temperature):
        volume = volumes(place)
        mean, variance, mass = Mean(volume), Variance(volume), nwaters * MASSES.sum() * DALTON
        to_inverse_pascals = 1e-27 / (1.380649e-23 * temperature) / mean.value * 1e10  # of nm^6
        self.name, self.density = name, mass / mean.value
        self.density_error = self.density * mean.error / mean.value
        self.compressibility = variance.value * to_inverse_pascals
        self.compressibility_error = variance.error * to_inverse_pascals
        print(
            f"{name}: {self.density:.2f} +- {self.density_error:.2f} kg/m^3,"
            f" compressibility {self.compressibility:.2f} +- {self.compressibility_error:.2f} 1e-10/Pa, of {len(volume)} volumes"
        )


def check_density(model, *places, nwaters=216, temperature=298.15):
    density, compressibility = PUBLISHED[model]
    liquids = [Liquid(*place.split("="), nwaters, temperature) for place in places]
    for one in liquids:
        hold(f"{one.name}: density, published {density}", one.density - density, one.density_error, DENSITY_APART * density)
        hold(
            f"{one.name}: compressibility, published {compressibility}",
            one.compressibility - compressibility,
            one.compressibility_error,
            COMPRESSIBILITY_APART * compressibility,
        )
    for k, one in enumerate(liquids):
        for other in liquids[:k]:
            what = f"{one.name} beside {other.name}"
            hold(f"{what}: density", one.density - other.density, math.hypot(one.density_error, other.density_error))
            hold(
                f"{what}: compressibility",
                one.compressibility - other.compressibility,
                math.hypot(one.compressibility_error, other.compressibility_error),
            )


# ---- energy that stays ------------------------------------------------------------------------------------


class Slope:
    """Of the energy of a run that nothing heats, in kJ/mol/ps, by least squares."""

    def __init__(self, name, place):
        if place.endswith(".xvg"):
            time, energy = columns(place)
        else:
            rows = [json.loads(line) for line in open(place + "/energies.jsonl", encoding="ascii")]
            time, energy = (numpy.array([row[key] for row in rows if row["time"] > rows[-1]["time"] / 5]) for key in ("time", "total"))
        self.value, at_zero = numpy.polyfit(time, energy, 1)
        rest = energy - at_zero - self.value * time
        self.error = math.sqrt(rest.var() * inefficiency(rest) / len(rest)) / time.std()
        print(f"{name}: {self.value:.4f} +- {self.error:.4f} kJ/mol/ps")


def check_drift(*places):
    ours, theirs = [Slope(*place.split("=")) for place in places]
    worse = max(abs(ours.value) - abs(theirs.value), 0)
    hold("the drift is worse than the other's", worse, math.hypot(ours.error, theirs.error))


{"temperature": check_temperature, "density": check_density, "drift": check_drift}[sys.argv[1]](*sys.argv[2:])
sys.exit(failed)
