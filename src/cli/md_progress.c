/* md_progress.c - see md_progress.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static void read_progress(void *arg, al_progress_state *state)
{
    const al_simulation *s = arg;
    *state = (al_progress_state){
        .ndone = s->md.step, .ntotal = s->options.nsteps, .fraction = -1, .nbefore = al_simulation_begin(s)};
    double days = (double)(al_clock_ns() - s->start_ns) * 1e-9 / 86400;
    double time = (double)(state->ndone - al_simulation_begin(s)) * s->options.dt;
    bool is_ps = s->options.units == AL_MD_REAL;
    if (s->options.minimiser != AL_MD_STEPS) {
        (void)snprintf(state->remark, sizeof state->remark, "potential %.6g, largest force %.4g",
                       s->told_potential, s->told_fmax);
        return;
    }
    (void)snprintf(state->remark, sizeof state->remark, "%.3g %s, T %.4g, drift %.0e",
                   (is_ps ? 1e-3 : 1) * time / days, is_ps ? "ns/day" : "tau/day", s->told_temperature,
                   s->told_drift); /* short: what is left of the time comes behind it, in 79 columns */
}

al_progress *al_md_progress_start(al_simulation *s)
{
    al_progress *progress = NULL;
    bool is_terminal = isatty(STDERR_FILENO) != 0 || getenv(AL_MD_TERMINAL) != NULL;
    al_progress_opts opts = {.unit = "steps",
                             .read = read_progress,
                             .arg = s,
                             .fd = STDERR_FILENO,
                             .is_terminal = is_terminal,
                             .delay_ms = 2000,
                             .every_ms = is_terminal ? 100 : 5000};
    bool wanted = s->options.progress == AL_MD_PROGRESS_ALWAYS ||
                  (s->options.progress == AL_MD_PROGRESS_AUTO && is_terminal);
    if (wanted && !s->options.quiet && s->comm->rank == 0)
        (void)!al_progress_start(&opts, &progress, NULL);
    return progress;
}
