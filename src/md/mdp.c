/* mdp.c - see mdp.h.
 *
 * One table says of each key what it is: where its value goes, or that it has no effect here, or which value
 * is the only one that is supported. Keys are compared as GROMACS does, without regard to case, - and _.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/mdp.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/nearest.h"
#include "md/file.h"

/** What a key is. */
typedef enum key_kind {
    INTEGER,
    REAL,
    FLAG,   /* yes or no */
    CHOICE, /* an int: the number of the word in `words`, separated by |; a word that is preceded by ! is
               refused */
    WORDS,  /* all words of the value */
    REALS,  /* numbers */
    UNUSED, /* has no effect here, which is said if the value is not the usual one */
    ONLY,   /* its value must be one of `words`, which do nothing, or nothing */
    FAMILY, /* as UNUSED, of all keys that begin so */
} key_kind;

typedef struct key {
    const char *name; /* in small letters, with - */
    key_kind kind;
    size_t at;
    const char *words;
    double least; /* of numbers */
} key;

#define AT(member) offsetof(al_mdp, member)

static const key keys[] = {
    {"include", WORDS, AT(include), NULL, 0},
    {"define", WORDS, AT(define), NULL, 0},
    {"integrator", CHOICE, AT(integrator),
     "md|md-vv|sd|steep|l-bfgs|!cg|!bd|!nm|!tpi|!tpic|!mimic|!md-vv-avek|!sd2", 0},
    {"tinit", REAL, AT(tinit), NULL, -HUGE_VAL},
    {"dt", REAL, AT(dt), NULL, 0},
    {"nsteps", INTEGER, AT(nsteps), NULL, -1},
    {"init-step", INTEGER, AT(init_step), NULL, 0},
    {"comm-mode", CHOICE, AT(removes_drift), "none|linear|!angular|!linear-acceleration-correction", 0},
    {"nstcomm", INTEGER, AT(nstcomm), NULL, 0},
    {"comm-grps", WORDS, AT(comm_groups), NULL, 0},
    {"ld-seed", INTEGER, AT(ld_seed), NULL, -1},
    {"emtol", REAL, AT(emtol), NULL, 0},
    {"emstep", REAL, AT(emstep), NULL, 0},
    {"nbfgscorr", INTEGER, AT(nbfgscorr), NULL, 1},
    {"nstxout", INTEGER, AT(nstxout), NULL, 0},
    {"nstvout", INTEGER, AT(nstvout), NULL, 0},
    {"nstfout", INTEGER, AT(nstfout), NULL, 0},
    {"nstlog", INTEGER, AT(nstlog), NULL, 0},
    {"nstcalcenergy", INTEGER, AT(nstcalcenergy), NULL, -1},
    {"nstenergy", INTEGER, AT(nstenergy), NULL, 0},
    {"nstxout-compressed", INTEGER, AT(nstxout_compressed), NULL, 0},
    {"nstxtcout", INTEGER, AT(nstxout_compressed), NULL, 0},
    {"compressed-x-precision", REAL, AT(compressed_precision), NULL, 0},
    {"xtc-precision", REAL, AT(compressed_precision), NULL, 0},
    {"compressed-x-grps", WORDS, AT(compressed_groups), NULL, 0},
    {"xtc-grps", WORDS, AT(compressed_groups), NULL, 0},
    {"nstlist", INTEGER, AT(nstlist), NULL, 0},
    {"verlet-buffer-tolerance", REAL, AT(buffer_tolerance), NULL, -1},
    {"verlet-buffer-drift", REAL, AT(buffer_tolerance), NULL, -1},
    {"rlist", REAL, AT(rlist), NULL, 0},
    {"coulombtype", CHOICE, AT(coulomb),
     "cut-off|reaction-field|pme|!ewald|!p3m-ad|!poisson|!switch|!shift|!user|!generalized-reaction-field|!"
     "reaction-field-nec|!pme-switch|!pme-user|!pme-user-switch|!encad-shift|!generalized-rf|!reaction-field-"
     "zero",
     0},
    {"coulomb-modifier", CHOICE, AT(coulomb_modifier),
     "none|potential-shift|potential-shift-verlet=1|!force-switch|!potential-switch|!exact-cut-off", 0},
    {"rcoulomb", REAL, AT(rcoulomb), NULL, 0},
    {"epsilon-r", REAL, AT(epsilon_r), NULL, 0},
    {"epsilon-rf", REAL, AT(epsilon_rf), NULL, 0},
    {"vdw-type", ONLY, 0, "cut-off", 0},
    {"vdwtype", ONLY, 0, "cut-off", 0},
    {"vdw-modifier", CHOICE, AT(vdw_modifier),
     "none|potential-shift|force-switch|potential-switch|potential-shift-verlet=1|!exact-cut-off", 0},
    {"rvdw-switch", REAL, AT(rvdw_switch), NULL, 0},
    {"rvdw", REAL, AT(rvdw), NULL, 0},
    {"dispcorr", CHOICE, AT(dispersion), "no|ener|enerpres|!allener|!allenerpres", 0},
    {"fourierspacing", REAL, AT(fourier_spacing), NULL, 0},
    {"fourier-nx", INTEGER, AT(fourier_n[0]), NULL, 0},
    {"fourier-ny", INTEGER, AT(fourier_n[1]), NULL, 0},
    {"fourier-nz", INTEGER, AT(fourier_n[2]), NULL, 0},
    {"pme-order", INTEGER, AT(pme_order), NULL, 3},
    {"ewald-rtol", REAL, AT(ewald_rtol), NULL, 0},
    {"ewald-geometry", ONLY, 0, "3d", 0},
    {"epsilon-surface", ONLY, 0, "0", 0},
    {"tcoupl", CHOICE, AT(thermostat), "no|berendsen|nose-hoover|v-rescale|!yes|!andersen|!andersen-massive",
     0},
    {"nsttcouple", INTEGER, AT(nsttcouple), NULL, -1},
    {"nh-chain-length", INTEGER, AT(nh_chain_length), NULL, 1},
    {"tc-grps", WORDS, AT(temperature_groups), NULL, 0},
    {"tau-t", REALS, AT(tau_t), NULL, -1},
    {"ref-t", REALS, AT(ref_t), NULL, 0},
    {"pcoupl", CHOICE, AT(barostat), "no|berendsen|c-rescale|parrinello-rahman|!isotropic|!mttk", 0},
    {"pcoupltype", CHOICE, AT(coupling), "isotropic|semiisotropic|anisotropic|!surface-tension", 0},
    {"nstpcouple", INTEGER, AT(nstpcouple), NULL, -1},
    {"tau-p", REAL, AT(tau_p), NULL, 0},
    {"compressibility", REALS, AT(compressibility), NULL, -HUGE_VAL},
    {"ref-p", REALS, AT(ref_p), NULL, -HUGE_VAL},
    {"refcoord-scaling", CHOICE, AT(reference_scaling), "no|all|com", 0},
    {"gen-vel", FLAG, AT(gen_vel), NULL, 0},
    {"gen-temp", REAL, AT(gen_temp), NULL, 0},
    {"gen-seed", INTEGER, AT(gen_seed), NULL, -1},
    {"constraints", CHOICE, AT(constraints), "none|h-bonds|all-bonds|!h-angles|!all-angles", 0},
    {"constraint-algorithm", CHOICE, AT(constraint_algorithm), "lincs|shake", 0},
    {"continuation", FLAG, AT(continuation), NULL, 0},
    {"unconstrained-start", FLAG, AT(continuation), NULL, 0},
    {"lincs-order", INTEGER, AT(lincs_order), NULL, 1},
    {"lincs-iter", INTEGER, AT(lincs_iter), NULL, 1},
    {"shake-tol", REAL, AT(shake_tol), NULL, 0},
    {"freezegrps", WORDS, AT(freeze_groups), NULL, 0},
    {"freezedim", WORDS, AT(freeze_dimensions), NULL, 0},
    /* without effect here */
    {"title", FAMILY, 0, NULL, 0},
    {"cpp", FAMILY, 0, NULL, 0},
    {"user", FAMILY, 0, NULL, 0},
    {"simulation-part", UNUSED, 0, "1", 0},
    {"bd-fric", UNUSED, 0, "0", 0},
    {"niter", UNUSED, 0, "20", 0},
    {"fcstep", UNUSED, 0, "0", 0},
    {"nstcgsteep", UNUSED, 0, "1000", 0},
    {"rtpi", UNUSED, 0, "0.05", 0},
    {"energygrps", UNUSED, 0, "", 0},
    {"ns-type", UNUSED, 0, "grid|simple", 0},
    {"optimize-fft", UNUSED, 0, "no|yes", 0},
    {"rcoulomb-switch", UNUSED, 0, "0", 0},
    {"table-extension", UNUSED, 0, "1", 0},
    {"ewald-rtol-lj", UNUSED, 0, "0.001", 0},
    {"lj-pme-comb-rule", UNUSED, 0, "geometric", 0},
    {"print-nose-hoover-chain-variables", UNUSED, 0, "no", 0},
    {"shake-sor", UNUSED, 0, "no", 0},
    {"lincs-warnangle", UNUSED, 0, "30", 0},
    {"nstcheckpoint", UNUSED, 0, "1000", 0},
    /* what is off; what belongs to it does nothing then */
    {"cutoff-scheme", ONLY, 0, "verlet", 0},
    {"pbc", ONLY, 0, "xyz", 0},
    {"periodic-molecules", ONLY, 0, "no", 0},
    {"mts", ONLY, 0, "no", 0},
    {"energygrp-table", ONLY, 0, "", 0},
    {"energygrp-excl", ONLY, 0, "", 0},
    {"implicit-solvent", ONLY, 0, "no", 0},
    {"qmmm", ONLY, 0, "no", 0},
    {"qmmm-cp2k-active", ONLY, 0, "no|false", 0},
    {"qm", FAMILY, 0, NULL, 0},
    {"annealing", ONLY, 0, "no", 0},
    {"annealing-", FAMILY, 0, NULL, 0},
    {"morse", ONLY, 0, "no", 0},
    {"nwall", ONLY, 0, "0", 0},
    {"wall-", FAMILY, 0, NULL, 0},
    {"pull", ONLY, 0, "no", 0},
    {"pull-", FAMILY, 0, NULL, 0},
    {"awh", ONLY, 0, "no", 0},
    {"awh-", FAMILY, 0, NULL, 0},
    {"awh1", FAMILY, 0, NULL, 0},
    {"rotation", ONLY, 0, "no", 0},
    {"rot-", FAMILY, 0, NULL, 0},
    {"imd-group", ONLY, 0, "", 0},
    {"disre", ONLY, 0, "no", 0},
    {"disre-", FAMILY, 0, NULL, 0},
    {"nstdisreout", UNUSED, 0, "100", 0},
    {"orire", ONLY, 0, "no", 0},
    {"orire-", FAMILY, 0, NULL, 0},
    {"nstorireout", UNUSED, 0, "100", 0},
    {"free-energy", ONLY, 0, "no", 0},
    {"couple-", FAMILY, 0, NULL, 0},
    {"init-lambda", FAMILY, 0, NULL, 0},
    {"delta-lambda", UNUSED, 0, "0", 0},
    {"nstdhdl", FAMILY, 0, NULL, 0},
    {"fep-lambdas", FAMILY, 0, NULL, 0},
    {"mass-lambdas", FAMILY, 0, NULL, 0},
    {"coul-lambdas", FAMILY, 0, NULL, 0},
    {"vdw-lambdas", FAMILY, 0, NULL, 0},
    {"bonded-lambdas", FAMILY, 0, NULL, 0},
    {"restraint-lambdas", FAMILY, 0, NULL, 0},
    {"temperature-lambdas", FAMILY, 0, NULL, 0},
    {"calc-lambda-neighbors", FAMILY, 0, NULL, 0},
    {"dhdl-", FAMILY, 0, NULL, 0},
    {"dh-hist-", FAMILY, 0, NULL, 0},
    {"sc-", FAMILY, 0, NULL, 0},
    {"separate-dhdl-file", FAMILY, 0, NULL, 0},
    {"acc-grps", ONLY, 0, "", 0},
    {"accelerate", UNUSED, 0, "", 0},
    {"cos-acceleration", ONLY, 0, "0", 0},
    {"deform", ONLY, 0, "|0", 0},
    {"simulated-tempering", ONLY, 0, "no", 0},
    {"simulated-tempering-", FAMILY, 0, NULL, 0},
    {"sim-temp-", FAMILY, 0, NULL, 0},
    {"swapcoords", ONLY, 0, "no", 0},
    {"swap-", FAMILY, 0, NULL, 0},
    {"adress", ONLY, 0, "no", 0},
    {"adress-", FAMILY, 0, NULL, 0},
    {"electric-field-", ONLY, 0, "|0", 0},
    {"e-x", ONLY, 0, "|0", 0},
    {"e-y", ONLY, 0, "|0", 0},
    {"e-z", ONLY, 0, "|0", 0},
    {"density-guided-simulation-active", ONLY, 0, "no|false", 0},
    {"density-guided-simulation-", FAMILY, 0, NULL, 0},
};

enum { NKEYS = sizeof keys / sizeof keys[0], KEY_MOST = 63, VALUE_MOST = 4095 };

/** A file being read. */
typedef struct reader {
    const char *name;
    uint64_t line;
    uint64_t lines[NKEYS]; /* where each key was; 0: not yet */
    al_mdp mdp;
    allot_error *err;
} reader;

static const al_mdp defaults = {.dt = 0.001,
                                .removes_drift = true,
                                .nstcomm = 100,
                                .ld_seed = -1,
                                .emtol = 10,
                                .emstep = 0.01,
                                .nbfgscorr = 10,
                                .nstlog = 1000,
                                .nstcalcenergy = 100,
                                .nstenergy = 1000,
                                .compressed_precision = 1000,
                                .nstlist = 10,
                                .buffer_tolerance = 0.005,
                                .rlist = 1,
                                .coulomb_modifier = AL_MODIFIER_SHIFT,
                                .rcoulomb = 1,
                                .epsilon_r = 1,
                                .vdw_modifier = AL_MODIFIER_SHIFT,
                                .rvdw = 1,
                                .fourier_spacing = 0.12,
                                .pme_order = 4,
                                .ewald_rtol = 1e-5,
                                .nsttcouple = -1,
                                .nh_chain_length = 10,
                                .nstpcouple = -1,
                                .tau_p = 1,
                                .gen_temp = 300,
                                .gen_seed = -1,
                                .lincs_order = 4,
                                .lincs_iter = 1,
                                .shake_tol = 0.0001};

static allot_err ALLOT_PRINTF(3, 4) fault(reader *r, allot_err code, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return al_fail(r->err, code, 0, "%s:%" PRIu64 ": %s", r->name, r->line, text);
}

static bool ALLOT_PRINTF(2, 3) note(reader *r, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return al_buffer_text(&r->mdp.notes, text) && al_buffer_byte(&r->mdp.notes, '\n');
}

/* ---- words ----------------------------------------------------------------------------------------------
 */

/** Small letters, - for _. */
static void plain(const char *at, const char *end, char *to, size_t room)
{
    size_t n = 0;
    for (; at < end && n + 1 < room; at++)
        to[n++] = *at == '_' ? '-' : isspace((unsigned char)*at) ? ' ' : (char)tolower((unsigned char)*at);
    to[n] = '\0';
}

static void trim(const char **at, const char **end)
{
    while (*at < *end && isspace((unsigned char)**at))
        ++*at;
    while (*end > *at && isspace((unsigned char)(*end)[-1]))
        --*end;
}

/** The next word of a value. @return false: there is none */
static bool next_word(const char **at, const char **word, size_t *nbytes)
{
    while (isspace((unsigned char)**at))
        ++*at;
    *word = *at;
    while (**at != '\0' && !isspace((unsigned char)**at))
        ++*at;
    *nbytes = (size_t)(*at - *word);
    return *nbytes > 0;
}

/** Words that stand for the same, but for - and _. */
static bool is_same(const char *a, size_t na, const char *b, size_t nb)
{
    while (na > 0 && nb > 0) {
        if (*a == '-' || *a == '_')
            a++, na--;
        else if (*b == '-' || *b == '_')
            b++, nb--;
        else if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        else
            a++, b++, na--, nb--;
    }
    while (na > 0 && (*a == '-' || *a == '_'))
        a++, na--;
    while (nb > 0 && (*b == '-' || *b == '_'))
        b++, nb--;
    return na == 0 && nb == 0;
}

/** The number of a word among `words`, or what stands behind its =; -1: it is not there. */
static int find_word(const char *words, const char *word, size_t nbytes, bool *is_refused)
{
    int number = 0;
    for (const char *at = words;; number++) {
        size_t n = strcspn(at, "|"), skip = at[0] == '!', name = strcspn(at, "=|");
        if (is_same(at + skip, name - skip, word, nbytes)) {
            *is_refused = skip;
            return name < n ? atoi(at + name + 1) : number;
        }
        if (at[n] == '\0')
            return -1;
        at += n + 1;
    }
}

static void list_supported(const char *words, char *text, size_t room)
{
    size_t n = 0;
    text[0] = '\0';
    for (const char *at = words; *at != '\0';) {
        size_t length = strcspn(at, "|"), name = strcspn(at, "=|");
        if (at[0] != '!' && length == name && n + length + 3 < room)
            n += (size_t)snprintf(text + n, room - n, "%s%.*s", n > 0 ? ", " : "", (int)length, at);
        at += length + (at[length] == '|');
    }
}

/* ---- values ---------------------------------------------------------------------------------------------
 */

static allot_err take_integer(reader *r, const key *k, const char *value, int64_t *to)
{
    char *end;
    errno = 0;
    intmax_t number = strtoimax(value, &end, 10);
    if (*value == '\0' || *end != '\0' || errno != 0 || (double)number < k->least)
        return fault(r, ALLOT_EFORMAT, "%s = %.60s: an integer of at least %g is wanted", k->name, value,
                     k->least);
    *to = number;
    return ALLOT_OK;
}

static allot_err take_real(reader *r, const key *k, const char *value, double *to)
{
    char *end;
    double number = strtod(value, &end);
    if (*value == '\0' || *end != '\0' || !isfinite(number) || strpbrk(value, "xX") != NULL)
        return fault(r, ALLOT_EFORMAT, "%s = %.60s: a number is wanted", k->name, value);
    if (number < k->least)
        return fault(r, ALLOT_EFORMAT, "%s = %.60s: at least %g is wanted", k->name, value, k->least);
    *to = number;
    return ALLOT_OK;
}

static allot_err take_choice(reader *r, const key *k, const char *value, void *to)
{
    bool is_refused = false;
    char supported[200];
    int number = find_word(k->words, value, strlen(value), &is_refused);
    list_supported(k->words, supported, sizeof supported);
    if (number < 0)
        return fault(r, ALLOT_EFORMAT, "%s = %.60s: there is no such word for it; it takes %s", k->name,
                     value, supported);
    if (is_refused)
        return fault(r, ALLOT_EUNSUPPORTED, "%s = %.60s is not supported; it takes %s", k->name, value,
                     supported);
    if (k->at == AT(removes_drift))
        *(bool *)to = number == 1;
    else
        *(int *)to = number;
    return ALLOT_OK;
}

static allot_err take_flag(reader *r, const key *k, const char *value, bool *to)
{
    bool is_yes = is_same(value, strlen(value), "yes", 3) || is_same(value, strlen(value), "true", 4) ||
                  is_same(value, strlen(value), "on", 2) || strcmp(value, "1") == 0;
    bool is_no = is_same(value, strlen(value), "no", 2) || is_same(value, strlen(value), "false", 5) ||
                 is_same(value, strlen(value), "off", 3) || strcmp(value, "0") == 0;
    if (!is_yes && !is_no)
        return fault(r, ALLOT_EFORMAT, "%s = %.60s: yes or no is wanted", k->name, value);
    *to = is_yes;
    return ALLOT_OK;
}

static allot_err take_words(reader *r, const char *value, al_words *to)
{
    const char *word;
    size_t nbytes;
    while (next_word(&value, &word, &nbytes)) {
        char **more = realloc(to->at, (to->n + 1) * sizeof *more);
        if (more != NULL)
            to->at = more;
        char *copy = more != NULL ? strndup(word, nbytes) : NULL;
        if (copy == NULL)
            return fault(r, ALLOT_ENOMEM, "out of memory");
        to->at[to->n++] = copy;
    }
    return ALLOT_OK;
}

static allot_err take_reals(reader *r, const key *k, const char *value, al_reals *to)
{
    const char *word;
    size_t nbytes;
    while (next_word(&value, &word, &nbytes)) {
        char text[64];
        double *more = realloc(to->at, (to->n + 1) * sizeof *more);
        if (more == NULL)
            return fault(r, ALLOT_ENOMEM, "out of memory");
        to->at = more;
        (void)snprintf(text, sizeof text, "%.*s", (int)(nbytes < 63 ? nbytes : 63), word);
        allot_err code = take_real(r, k, text, &to->at[to->n]);
        if (code != ALLOT_OK)
            return code;
        to->n++;
    }
    return ALLOT_OK;
}

/** Whether all words of a value are among `words`, or equal a number there. */
static bool does_nothing(const char *words, const char *value)
{
    const char *word;
    size_t nbytes;
    bool is_refused;
    while (next_word(&value, &word, &nbytes)) {
        char *end;
        bool is_zero =
            strtod(word, &end) == 0 && end == word + nbytes && find_word(words, "0", 1, &is_refused) >= 0;
        if (!is_zero && find_word(words, word, nbytes, &is_refused) < 0)
            return false;
    }
    return true;
}

static allot_err take_value(reader *r, const key *k, const char *name, const char *value)
{
    void *to = (char *)&r->mdp + k->at;
    bool is_empty = *value == '\0';
    if (is_empty && k->kind != WORDS && k->kind != REALS)
        return ALLOT_OK; /* as if it was not there */
    switch (k->kind) {
    case INTEGER:
        return take_integer(r, k, value, to);
    case REAL:
        return take_real(r, k, value, to);
    case FLAG:
        return take_flag(r, k, value, to);
    case CHOICE:
        return take_choice(r, k, value, to);
    case WORDS:
        return take_words(r, value, to);
    case REALS:
        return take_reals(r, k, value, to);
    case ONLY:
        if (!does_nothing(k->words, value))
            return fault(r, ALLOT_EUNSUPPORTED, "%s = %.60s is not supported%s%s", name, value,
                         k->words[0] != '\0' && k->words[0] != '|' ? "; it takes " : ": leave it out",
                         k->words[0] != '\0' && k->words[0] != '|' ? k->words : "");
        return ALLOT_OK;
    case UNUSED:
    case FAMILY:
        break;
    }
    if (k->kind == UNUSED && !does_nothing(k->words, value) &&
        !note(r, "%s:%" PRIu64 ": %s has no effect here", r->name, r->line, name))
        return fault(r, ALLOT_ENOMEM, "out of memory");
    return ALLOT_OK;
}

/* ---- lines ----------------------------------------------------------------------------------------------
 */

static bool is_key(const key *k, const char *name)
{
    size_t length = strlen(k->name);
    bool is_prefix = k->kind == FAMILY || k->name[length - 1] == '-';
    return is_prefix ? strncmp(name, k->name, length) == 0 : strcmp(name, k->name) == 0;
}

static allot_err unknown_key(reader *r, const char *name)
{
    al_nearest nearest = {.word = name};
    for (size_t k = 0; k < NKEYS; k++)
        al_nearest_try(&nearest, keys[k].name, strlen(keys[k].name));
    return nearest.name[0] != '\0'
               ? fault(r, ALLOT_EFORMAT, "there is no key %.60s; did you mean %s?", name, nearest.name)
               : fault(r, ALLOT_EFORMAT, "there is no key %.60s", name);
}

/** The first c of a text. @return NULL: there is none */
static const char *find(const char *at, const char *end, char c)
{
    while (at < end && *at != c)
        at++;
    return at < end ? at : NULL;
}

static allot_err take_line(reader *r, const char *at, const char *end)
{
    char name[KEY_MOST + 1], value[VALUE_MOST + 1];
    const char *comment = find(at, end, ';');
    end = comment != NULL ? comment : end;
    trim(&at, &end);
    if (at == end)
        return ALLOT_OK;
    for (const char *c = at; c < end; c++)
        if ((*c >= 0 && *c < ' ' && !isspace((unsigned char)*c)) || *c == 0x7f)
            return fault(r, ALLOT_EFORMAT, "there is a character that does not print: is this a text?");
    const char *equals = find(at, end, '=');
    if (equals == NULL) {
        plain(at, end, name, 41);
        return fault(r, ALLOT_EFORMAT, "%s: there is no = in this line: key = value is wanted", name);
    }
    const char *key_end = equals, *from = equals + 1;
    trim(&at, &key_end);
    trim(&from, &end);
    if (at == key_end || key_end - at > KEY_MOST || end - from > VALUE_MOST)
        return fault(r, ALLOT_EFORMAT, "this line has no key before its =, or is too long");
    plain(at, key_end, name, sizeof name);
    for (char *to = value; from <= end;
         from++, to++) /* what is between words is a blank, in sentences, too */
        *to = from == end ? '\0' : isspace((unsigned char)*from) ? ' ' : *from;
    for (size_t k = 0; k < NKEYS; k++) {
        if (!is_key(&keys[k], name))
            continue;
        if (r->lines[k] != 0 && keys[k].kind != FAMILY && keys[k].name[strlen(keys[k].name) - 1] != '-')
            return fault(r, ALLOT_EFORMAT, "%s stands in line %" PRIu64 " already", name, r->lines[k]);
        r->lines[k] = r->line;
        return take_value(r, &keys[k], name, value);
    }
    return unknown_key(r, name);
}

/* ---- what fits together ---------------------------------------------------------------------------------
 */

/** Where a key stands, for a complaint about it. */
static allot_err ALLOT_PRINTF(4, 5)
    fault_at(reader *r, const char *name, allot_err code, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t k = 0; k < NKEYS; k++)
        if (strcmp(keys[k].name, name) == 0 && r->lines[k] > 0)
            r->line = r->lines[k];
    return fault(r, code, "%s: %s", name, text);
}

static allot_err check_coupling(reader *r)
{
    const al_mdp *m = &r->mdp;
    uint32_t wanted = m->coupling == AL_COUPLING_ISOTROPIC       ? 1
                      : m->coupling == AL_COUPLING_SEMIISOTROPIC ? 2
                                                                 : 6;
    if (m->thermostat != AL_THERMOSTAT_NONE || m->integrator == AL_INTEGRATE_LANGEVIN) {
        if (m->temperature_groups.n == 0)
            return fault_at(r, "tcoupl", ALLOT_EFORMAT, "tc-grps says of which atoms; System is all of them");
        if (m->tau_t.n != m->temperature_groups.n || m->ref_t.n != m->temperature_groups.n)
            return fault_at(r, "tc-grps", ALLOT_EFORMAT, "%u groups, but %u numbers in tau-t and %u in ref-t",
                            m->temperature_groups.n, m->tau_t.n, m->ref_t.n);
    }
    if (m->barostat == AL_BAROSTAT_NONE)
        return ALLOT_OK;
    if (m->ref_p.n != wanted || m->compressibility.n != wanted)
        return fault_at(r, "pcoupl", ALLOT_EFORMAT,
                        "ref-p and compressibility take %u numbers each; there are %u and %u", wanted,
                        m->ref_p.n, m->compressibility.n);
    if (!(m->tau_p > 0))
        return fault_at(r, "tau-p", ALLOT_EFORMAT, "more than 0 is wanted");
    return ALLOT_OK;
}

static allot_err check(reader *r)
{
    const al_mdp *m = &r->mdp;
    bool is_dynamics = m->integrator <= AL_INTEGRATE_LANGEVIN;
    if (is_dynamics && !(m->dt > 0))
        return fault_at(r, "dt", ALLOT_EFORMAT, "more than 0 is wanted");
    if (m->coulomb == AL_COULOMB_PME && !(m->ewald_rtol > 0 && m->ewald_rtol < 1))
        return fault_at(r, "ewald-rtol", ALLOT_EFORMAT, "a number between 0 and 1 is wanted");
    if (m->coulomb == AL_COULOMB_PME && (m->pme_order > 12 || !(m->fourier_spacing > 0)))
        return fault_at(r, "pme-order", ALLOT_EUNSUPPORTED,
                        "orders up to 12 and a fourierspacing above 0 are wanted");
    if (m->vdw_modifier >= AL_MODIFIER_FORCE_SWITCH && !(m->rvdw_switch < m->rvdw))
        return fault_at(r, "rvdw-switch", ALLOT_EFORMAT, "%g is not less than rvdw, %g", m->rvdw_switch,
                        m->rvdw);
    if (!(m->rvdw > 0) || !(m->rcoulomb > 0))
        return fault_at(r, m->rvdw > 0 ? "rcoulomb" : "rvdw", ALLOT_EUNSUPPORTED, "more than 0 is wanted");
    if (m->rvdw != m->rcoulomb && m->coulomb != AL_COULOMB_PME)
        return fault_at(r, "rvdw", ALLOT_EUNSUPPORTED, "%g: with this coulombtype it must be as rcoulomb, %g",
                        m->rvdw, m->rcoulomb);
    if (m->rvdw > m->rcoulomb) /* kernels look no farther than electrostatics reach */
        return fault_at(r, "rvdw", ALLOT_EUNSUPPORTED, "%g: it may not be more than rcoulomb, %g", m->rvdw,
                        m->rcoulomb);
    if (!(m->epsilon_r > 0))
        return fault_at(r, "epsilon-r", ALLOT_EUNSUPPORTED, "more than 0 is wanted");
    if (m->freeze_dimensions.n != 3 * m->freeze_groups.n)
        return fault_at(r, "freezedim", ALLOT_EFORMAT,
                        "%u groups are frozen, so %u words are wanted (Y or N for x, y, z)",
                        m->freeze_groups.n, 3 * m->freeze_groups.n);
    if (m->gen_vel && m->continuation &&
        !note(r, "%s: gen-vel and continuation are both set: velocities are made anew", r->name))
        return fault(r, ALLOT_ENOMEM, "out of memory");
    return check_coupling(r);
}

allot_err al_mdp_parse(const char *text, size_t nbytes, const char *name, al_mdp *mdp, allot_error *err)
{
    reader r = {.name = name, .mdp = defaults, .err = err};
    const char *end = text + nbytes;
    allot_err code = ALLOT_OK;
    for (const char *at = text, *next; at < end && code == ALLOT_OK; at = next) {
        const char *newline = find(at, end, '\n');
        next = newline != NULL ? newline + 1 : end;
        r.line++;
        code = take_line(&r, at, newline != NULL ? newline : end);
    }
    if (code == ALLOT_OK)
        code = check(&r);
    if (code == ALLOT_OK)
        *mdp = r.mdp;
    else
        al_mdp_fini(&r.mdp);
    return code;
}

allot_err al_mdp_read(const char *path, al_mdp *mdp, allot_error *err)
{
    al_buffer text = {.at = NULL};
    allot_err code = al_file_read(path, &text, err);
    if (code == ALLOT_OK)
        code = al_mdp_parse(text.at != NULL ? text.at : "", text.nbytes, path, mdp, err);
    al_buffer_fini(&text);
    return code;
}

static void free_words(al_words *words)
{
    for (uint32_t k = 0; k < words->n; k++)
        free(words->at[k]);
    free(words->at);
    *words = (al_words){.n = 0};
}

void al_mdp_fini(al_mdp *mdp)
{
    al_words *words[] = {&mdp->include,
                         &mdp->define,
                         &mdp->comm_groups,
                         &mdp->compressed_groups,
                         &mdp->temperature_groups,
                         &mdp->freeze_groups,
                         &mdp->freeze_dimensions};
    al_reals *reals[] = {&mdp->tau_t, &mdp->ref_t, &mdp->compressibility, &mdp->ref_p};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
        free_words(words[k]);
    for (size_t k = 0; k < sizeof reals / sizeof reals[0]; k++)
        free(reals[k]->at);
    al_buffer_fini(&mdp->notes);
    *mdp = defaults;
}
