/* md_minimum.c - see md_minimum.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_minimum.h"

#include <inttypes.h>

void al_md_minimum_head(FILE *out, const al_units *units, bool json)
{
    char force[64];
    if (json)
        return;
    (void)snprintf(force, sizeof force, "%s/%s", units->energy, units->length);
    (void)fprintf(out, "%10s %18s %16s %10s %14s\n", "step", "potential", "largest force", "on atom",
                  "length");
    (void)fprintf(out, "%10s %18s %16s %10s %14s\n", "", units->energy, force, "", units->length);
}

bool al_md_minimum_line(FILE *out, const al_minimum *now, bool json)
{
    (void)fprintf(out,
                  json ? "{\"step\":%" PRIu64 ",\"potential\":%.17g,\"fmax\":%.17g,\"atom\":%" PRIu64
                         ",\"length\":%.17g}\n"
                       : "%10" PRIu64 " %18.12g %16.9g %10" PRIu64 " %14.6g\n",
                  now->step, now->thermo.potential, now->fmax, now->atom + 1, now->length);
    return fflush(out) == 0 && ferror(out) == 0;
}

void al_md_minimum_end(FILE *out, const al_minimum *now, const al_md_options *o, const char *atom)
{
    static const char *const why[] = {[AL_MINIMUM_GOES_ON] = "failed",
                                      [AL_MINIMUM_STEPS] = "has done its steps",
                                      [AL_MINIMUM_STOPPED] = "was stopped",
                                      [AL_MINIMUM_PRECISION] =
                                          "has come as far as the precision of numbers allows"};
    const al_units *units = al_md_units(o);
    if (now->end == AL_MINIMUM_CONVERGED)
        (void)fprintf(out, "converged to Fmax < %g in %" PRIu64 " steps", o->tolerance_force, now->step);
    else
        (void)fprintf(out, "not converged to Fmax < %g in %" PRIu64 " steps: the minimisation %s",
                      o->tolerance_force, now->step, why[now->end]);
    (void)fprintf(out,
                  "\npotential %.12g %s; largest force %.9g %s/%s, on atom %s; root mean square of forces "
                  "%.9g %s/%s\n",
                  now->thermo.potential, units->energy, now->fmax, units->energy, units->length, atom,
                  now->rms, units->energy, units->length);
}
