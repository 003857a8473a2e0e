/* md_options.c - the options of `allot md`: one table for `allot`, which checks them, and for allot-md, which
 * does what they say. See md_options.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "plan/domains.h"

#define AT(member) offsetof(al_md_options, member)
#define UNSEEN SIZE_MAX
#define TUNE_MOST 3 /* AL_SPLIT_MOST, which the command has nothing of */

static const al_option options_table[] = {
    {"lj", 0, AL_OPTION_COUNT, AT(natoms), "N", NULL, 2, UINT64_C(1000000000), NULL,
     "simulate N Lennard-Jones atoms, from a lattice", UNSEEN},
    {"conf", 'c', AL_OPTION_TEXT, AT(conf), "FILE", NULL, 0, 0, "a lattice",
     "atoms, their velocities if there are any, and the box from a .gro, .g96 or .pdb file, its numbers as "
     "they are; .pdb's in nm, and those of AMBER's coordinates (.rst7, .inpcrd), too",
     UNSEEN},
    {"check", 0, AL_OPTION_FLAG, AT(checks), NULL, NULL, 0, 0, NULL,
     "simulate nothing: read --topology, and --parameters and --conf if they are there, and say what is in "
     "them, or what stands in "
     "the way",
     UNSEEN},
    {"topology", 'p', AL_OPTION_TEXT, AT(topology), "FILE", NULL, 0, 0, NULL,
     "the molecules: a GROMACS topology (.top), with all that it includes, or an AMBER topology (.prmtop)",
     UNSEEN},
    {"parameters", 'f', AL_OPTION_TEXT, AT(parameters), "FILE.mdp", NULL, 0, 0, NULL,
     "how molecules are simulated: GROMACS' run parameters; --steps, --every, --frames, --full-frames and "
     "--seed come before what they say",
     UNSEEN},
    {"reference", 'r', AL_OPTION_TEXT, AT(reference), "FILE", NULL, 0, 0, NULL,
     "where position restraints of the topology hold atoms: a structure as --conf takes it", UNSEEN},
    {"index", 0, AL_OPTION_TEXT, AT(index), "FILE.ndx", NULL, 0, 0, "GROMACS' default groups",
     "groups of atoms by name, for the run parameters", UNSEEN},
    {"output", 'o', AL_OPTION_TEXT, AT(output), "FOLDER", NULL, 0, 0, "no files",
     "where energies, trajectories, checkpoints and the last structure go", UNSEEN},
    {"resume", 0, AL_OPTION_FLAG, AT(resumes), NULL, NULL, 0, 0, NULL,
     "go on from the folder's checkpoint, up to the same --steps, in the same files; begin where there is "
     "none",
     UNSEEN},
    {"frames", 0, AL_OPTION_COUNT, AT(frames), "N", NULL, 0, 0, "1000",
     "steps between two frames of positions (trajectory.xtc); 0: none", AT(has_frames)},
    {"full-frames", 0, AL_OPTION_COUNT, AT(full_frames), "N", NULL, 0, 0, "0",
     "steps between two frames of positions, velocities and forces (trajectory.trr); 0: none",
     AT(has_full_frames)},
    {"whole", 0, AL_OPTION_FLAG, AT(writes_whole), NULL, NULL, 0, 0, NULL,
     "in frames, molecules are in one piece, as they always are in final.gro; otherwise each atom is in the "
     "box, as in GROMACS's frames",
     UNSEEN},
    {"renew", 0, AL_OPTION_COUNT, AT(renew), "N", NULL, 1, 0, "1000",
     "steps between two states that a run can go on from, with -o", UNSEEN},
    {"units", 0, AL_OPTION_CHOICE, AT(units), "WHICH", "reduced|real", 0, 0, "reduced",
     "what numbers mean, here and in files: multiples of sigma, epsilon and the mass; or nm, ps, u, kJ/mol, "
     "K "
     "and bar",
     UNSEEN},
    {"sigma", 0, AL_OPTION_REAL, AT(sigma), "R", NULL, 0, 0, "1; in real units argon's 0.3405 nm",
     "length of the potential: where it is 0", UNSEEN},
    {"epsilon", 0, AL_OPTION_REAL, AT(epsilon), "E", NULL, 0, 0, "1; in real units argon's 0.99774 kJ/mol",
     "energy of the potential: its depth", UNSEEN},
    {"mass", 0, AL_OPTION_REAL, AT(mass), "M", NULL, 0, 0, "1; in real units argon's 39.948 u",
     "mass of an atom", UNSEEN},
    {"density", 0, AL_OPTION_REAL, AT(density), "D", NULL, 0, 0, "0.8442 to a cube of sigma",
     "atoms a volume", UNSEEN},
    {"temperature", 0, AL_OPTION_REAL, AT(temperature), "T", NULL, 0, 0, "1.44 epsilon",
     "temperature that velocities are drawn for", UNSEEN},
    {"cutoff", 0, AL_OPTION_REAL, AT(cutoff), "R", NULL, 0, 0, "2.5 sigma",
     "farther apart, atoms do not feel each other", UNSEEN},
    {"modifier", 0, AL_OPTION_CHOICE, AT(modifier), "HOW", "none|shift|force-switch|potential-switch", 0, 0,
     "none",
     "make the potential 0 at the cut-off: by a constant, so that energy is kept much better; or smoothly, "
     "by a "
     "polynomial added to the force or by one that the potential is multiplied with, as GROMACS does",
     UNSEEN},
    {"switch", 0, AL_OPTION_REAL, AT(switch_from), "R", NULL, 0, 0, "0.8 of the cut-off",
     "where a switch of --modifier begins", UNSEEN},
    {"dispersion", 0, AL_OPTION_FLAG, AT(has_dispersion), NULL, NULL, 0, 0, NULL,
     "add to energy and pressure what attraction beyond the cut-off would, with atoms spread evenly there",
     UNSEEN},
    {"skin", 0, AL_OPTION_REAL, AT(skin), "R", NULL, 0, 0, "0.7 sigma",
     "how far beyond the cut-off pairs are listed: more is fewer lists, and longer ones", UNSEEN},
    {"near-skin", 0, AL_OPTION_REAL, AT(near_skin), "R", NULL, 0, 0, "0.15 sigma",
     "how far beyond the cut-off what the list is pruned to reaches", UNSEEN},
    {"tolerance", 0, AL_OPTION_REAL, AT(tolerance), "E", NULL, 0, 0, "0: no pair is missed",
     "energy an atom and time unit that may drift for the sake of speed: what the list is pruned to is then "
     "used for longer, "
     "as long as an estimate from above allows",
     UNSEEN},
    {"dt", 0, AL_OPTION_REAL, AT(dt), "TIME", NULL, 0, 0,
     "0.005 sigma (mass/epsilon)^1/2: in real units argon's 0.010773 ps", "length of a step", UNSEEN},
    {"integrator", 0, AL_OPTION_CHOICE, AT(integrator), "HOW", "md-vv|md", 0, 0, "md-vv",
     "velocity Verlet; or leap-frog, as GROMACS's md: velocities, in all files, are those half a step before",
     UNSEEN},
    {"remove-drift", 0, AL_OPTION_COUNT, AT(still_every), "N", NULL, 0, 0, "0; in real units 100",
     "every N steps, take out the motion of the centre of mass; 0: never", AT(has_still_every)},
    {"steps", 's', AL_OPTION_COUNT, AT(nsteps), "N", NULL, 0, 0, "100", "how many", AT(has_nsteps)},
    {"seed", 0, AL_OPTION_COUNT, AT(seed), "N", NULL, 0, 0, "87287", "velocities are drawn by it",
     AT(has_seed)},
    {"every", 0, AL_OPTION_COUNT, AT(every), "N", NULL, 1, 0, "100", "steps between two lines of energies",
     AT(has_every)},
    {"precision", 0, AL_OPTION_CHOICE, AT(precision), "HOW", "mixed|double", 0, 0, "mixed",
     "forces in single precision, all else in double; or everything in double", UNSEEN},
    {"kernel", 0, AL_OPTION_TEXT, AT(kernel), "NAME", NULL, 0, 0, "the fastest that this processor runs",
     "which code finds forces: avx512, avx2, ref", UNSEEN},
    {"ranks", 'n', AL_OPTION_COUNT, AT(nranks), "N", NULL, 1, 100000,
     "1, or those that an MPI launcher started; with --on one a node",
     "start N ranks, by mpirun: on this machine, or where --on says", UNSEEN},
    {"on", 'S', AL_OPTION_TEXT, AT(on), "slurm[:KEY=VALUE,...]", NULL, 0, 0, "this machine",
     "run in an allocation of Slurm's, asked for by salloc, as in slurm:nodes=4,time=2h,partition=p; inside "
     "of "
     "an allocation, in that",
     UNSEEN},
    {"dry-run", 0, AL_OPTION_FLAG, AT(dry_run), NULL, NULL, 0, 0, NULL,
     "print the command that would start the ranks, and simulate nothing", UNSEEN},
    {"threads", 'j', AL_OPTION_COUNT, AT(nthreads), "N", NULL, 1, 256,
     "as many as the machine offers, shared by the ranks on it; in Slurm as many as a task has processors",
     "threads to compute with, of each rank", UNSEEN},
    {"grid", 0, AL_OPTION_TEXT, AT(grid), "AxBxC", NULL, 0, 0, "the fastest, by what messages cost",
     "cut the box into so many domains in x, y and z, one for each rank of MPI", UNSEEN},
    {"balance", 0, AL_OPTION_CHOICE, AT(balance), "WHEN", "auto|never", 0, 0,
     "auto: when a rank takes 5 % longer than the mean",
     "move the edges of domains, so that ranks take the same time; with never and a --grid, runs on ranks "
     "are the same to the last bit",
     UNSEEN},
    {"tune-pme", 0, AL_OPTION_TEXT, AT(tune_text), "auto|never|FACTOR", NULL, 0, 0,
     "auto: when it begins, if a step's forces are then 3 % faster",
     "give particle-mesh Ewald a coarser mesh and as much longer a cut-off, with errors no greater; never is "
     "GROMACS' -notunepme; a FACTOR, 1.2 for instance, is how much coarser at most, from the first step on",
     UNSEEN},
    {"timeout", 0, AL_OPTION_DURATION, AT(timeout_ns), "TIME", NULL, 1, 0, NULL,
     "stop after this time, with status 124", AT(has_timeout)},
    {"explain", 0, AL_OPTION_FLAG, AT(explain), NULL, NULL, 0, 0, NULL,
     "say on standard error how the work was cut, where the time went, and how efficient it was beside what "
     "was "
     "expected; with --json in the end as one object",
     UNSEEN},
    {"json", 0, AL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, NULL, "energies as JSON, an object a line",
     UNSEEN},
    {"progress", 0, AL_OPTION_CHOICE, AT(progress), "WHEN", "auto|always|never", 0, 0,
     "auto: on a terminal, after two seconds", "show how far the work is", UNSEEN},
    {"quiet", 'q', AL_OPTION_FLAG, AT(quiet), NULL, NULL, 0, 0, NULL, "no progress, no line at the end",
     UNSEEN},
};

const al_command al_command_md = {
    .name = "md",
    .summary = "molecular dynamics: one big coupled simulation, on every core",
    .usage = "--lj N\n--conf FILE\n-f FILE.mdp -c FILE -p FILE.top",
    .description =
        "Moves atoms that attract and repel each other, step after step (velocity Verlet or leap-frog, "
        "constant "
        "energy), and "
        "prints the energies. Space is cut into pieces, one for each thread; positions and velocities are "
        "kept "
        "in double precision, forces are found in single, by the widest vector instructions that the "
        "processor "
        "has, and their sums again in double.\n"
        "\n"
        "With --lj N: N atoms with the Lennard-Jones potential, cut off and not shifted unless --modifier "
        "says so, melt "
        "from a face-centred cubic lattice: the usual benchmark, by default at its usual settings. With "
        "--conf the "
        "atoms of a .gro file, its numbers as they are. By default in reduced units, where sigma, epsilon "
        "and "
        "the mass are 1; with --units real in nm, ps, u, kJ/mol, K and bar, and the atoms are argon.\n"
        "\n"
        "With -f, -c and -p the molecules of a GROMACS or AMBER topology, as the run parameters say: bonded "
        "terms, "
        "particle-mesh Ewald, rigid waters and constraints. Energies are then of all atoms together, and "
        "files have each term's by GROMACS' name. With integrator = steep or l-bfgs they are moved "
        "to where forces vanish, for final.gro to be the -c of a simulation.\n"
        "\n"
        "With -o FOLDER the folder gets energies.xvg and energies.jsonl, trajectory.xtc, and at the end "
        "final.gro. "
        "A run that was interrupted, by Ctrl-C, by a crash or by the power, goes on with --resume, with the "
        "same bits "
        "as if nothing had been.\n"
        "\n"
        "The list of pairs is made anew when an atom has moved by half the skin, so that no pair is ever "
        "missed. "
        "Energies are those of the step they stand at; neither they nor the pressure have "
        "what is beyond the cut-off, unless --dispersion adds it.",
    .examples =
        "allot md --lj 32000  # the benchmark, a hundred steps\n"
        "allot md --lj 32000 --steps 5000 --json > energies.jsonl  # for a program\n"
        "allot md --lj 32000 --steps 100000 -o melt  # with files; allot md ... -o melt --resume goes on\n"
        "allot md --lj 32000 --units real  # argon, in nm, ps and kJ/mol\n"
        "allot md --conf conf.gro --units real --integrator md --dt 0.004  # leap-frog\n"
        "allot md --lj 32000 --modifier force-switch  # forces without a step: energy is kept far better\n"
        "allot md -f run.mdp -c conf.gro -p topol.top -o out  # a protein in water\n"
        "allot md --lj 2000000 -n 64 --on slurm:nodes=4,time=2h -o melt  # in an allocation of Slurm's\n"
        "allot md --lj 4000 --precision double --every 1  # every step, in double precision\n",
    .options = options_table,
    .noptions = sizeof options_table / sizeof options_table[0],
    .statuses = "0    success; a minimisation that ended by itself, converged or not\n"
                "1    the simulation could not go on; the message says at which step and why\n"
                "2    the command line is wrong\n"
                "124  --timeout was over\n"
                "130  interrupted\n"
                "138  asked to end by SIGUSR1, as Slurm does before the time is up\n",
    .run = al_md_run,
};

al_md_options al_md_options_default(void)
{
    return (al_md_options){.nsteps = 100,
                           .seed = 87287,
                           .every = 100,
                           .frames = 1000,
                           .renew = 1000,
                           .frame_precision = 1000,
                           .begin_ns = al_clock_ns()};
}

/** @return what is wrong with where the switch begins, or NULL */
static const char *switch_problem(const al_md_options *o)
{
    bool has_switch = o->modifier == AL_MD_FORCE_SWITCH || o->modifier == AL_MD_POTENTIAL_SWITCH;
    return o->switch_from > 0 && !has_switch
               ? "--switch: it says where a switch begins: --modifier force-switch or potential-switch"
           : o->switch_from >= o->cutoff ? "--switch: a switch begins before the cut-off"
                                         : NULL;
}

double al_md_switch_from(const al_md_options *options)
{
    return options->switch_from > 0 ? options->switch_from : 0.8 * options->cutoff;
}

const al_units *al_md_units(const al_md_options *options)
{
    return options->units == AL_MD_REAL ? &al_units_real : &al_units_reduced;
}

/** No number may be 0: one that is was not given. */
static void fall_back(double *value, double fallback)
{
    if (*value <= 0)
        *value = fallback;
}

/** What was not given is what it is in reduced units, times what that is by the potential and the mass. */
static void fill_in(al_md_options *o)
{
    bool is_real = o->units == AL_MD_REAL;
    fall_back(&o->sigma, is_real ? 0.3405 : 1);
    fall_back(&o->epsilon, is_real ? 0.99774 : 1);
    fall_back(&o->mass, is_real ? 39.948 : 1);
    fall_back(&o->density, 0.8442 / (o->sigma * o->sigma * o->sigma));
    fall_back(&o->temperature, 1.44 * o->epsilon / al_md_units(o)->boltzmann);
    fall_back(&o->cutoff, 2.5 * o->sigma);
    fall_back(&o->skin, 0.7 * o->sigma); /* nothing is known of molecules before they are read */
    fall_back(&o->near_skin, 0.15 * o->sigma);
    fall_back(&o->dt, 0.005 * o->sigma * sqrt(o->mass / o->epsilon));
    if (!o->has_still_every)
        o->still_every = is_real ? 100 : 0;
}

/** --tune-pme. @return whether it is one of its words, or a factor */
static bool read_tune(al_md_options *o)
{
    const char *text = o->tune_text;
    char *end;
    if (text == NULL || strcmp(text, "auto") == 0)
        return true;
    o->tune = strcmp(text, "never") == 0 ? AL_MD_TUNE_NEVER : AL_MD_TUNE_FACTOR;
    if (o->tune == AL_MD_TUNE_NEVER)
        return true;
    o->tune_factor = strtod(text, &end);
    return *text >= '1' && *text <= '9' && *end == '\0' && o->tune_factor >= 1 && o->tune_factor <= TUNE_MOST;
}

bool al_md_options_check(al_md_options *options, int noperands)
{
    int grid[3];
    if (options->topology != NULL)
        options->units = AL_MD_REAL;
    fill_in(options);
    options->told_every = options->every;
    bool has_tune = read_tune(options);
    if (has_tune && options->checks && options->topology != NULL && noperands == 0)
        return true;
    const char *wrong =
        !has_tune         ? "--tune-pme: auto, never, or how much coarser the mesh may be: 1 to 3, as in 1.2"
        : options->checks ? "--check: of which topology? Name it with --topology FILE.top"
        : options->topology != NULL && (options->parameters == NULL || options->conf == NULL)
            ? "--topology: molecules take three files: -f FILE.mdp -c FILE.gro -p FILE.top"
        : options->parameters != NULL && options->topology == NULL
            ? "--parameters: of which molecules? Name their topology with -p FILE.top"
        : noperands > 0 ? "it takes no operands; for example: allot md --lj 32000"
        : options->natoms == 0 && options->conf == NULL
            ? "what is to be simulated? For example: allot md --lj 32000"
        : options->natoms > 0 && options->conf != NULL
            ? "--lj N and --conf FILE both say what is to be simulated: choose one"
        : options->grid != NULL && !al_domains_parse(options->grid, grid)
            ? "--grid: three numbers of domains are wanted, as in 2x2x1"
        : options->tune_text != NULL && options->topology == NULL
            ? "--tune-pme: of which molecules? Name their topology with -p FILE.top"
        : options->resumes && options->output == NULL ? "--resume: which run? Name its folder with -o"
        : options->output != NULL && options->output[0] == '\0' ? "--output: the name is empty"
                                                                : switch_problem(options);
    if (wrong == NULL)
        return true;
    al_complain("md", "%s", wrong);
    (void)fprintf(stderr, "Try 'allot md --help'.\n");
    return false;
}
