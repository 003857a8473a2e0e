// number_float.cc - the C++ standard library's <charconv>, reached from C.
//
// The only C++ in the house: correctly rounded reading and shortest printing of floating point take some
// thousand lines and large tables, and the standard library has them, tested, free of locales and of
// allocation. Nothing here throws; whoever links it needs no C++ runtime at run time.
//
// SPDX-License-Identifier: Apache-2.0

#include "data/number_float.h"

#include <charconv>
#include <system_error>

namespace
{

template <typename Float> int parse(const char *text, const char *end, Float *value) noexcept
{
    Float parsed;
    std::from_chars_result result = std::from_chars(text, end, parsed, std::chars_format::general);
    if (result.ec == std::errc::result_out_of_range)
        return 1;
    if (result.ec != std::errc() || result.ptr != end)
        return -1;
    *value = parsed;
    return 0;
}

template <typename Float> size_t digits(Float value, char *text) noexcept
{
    std::to_chars_result result =
        std::to_chars(text, text + AL_FLOAT_DIGITS_MAX, value, std::chars_format::scientific);
    return static_cast<size_t>(result.ptr - text);
}

} // namespace

int al_float_parse_f32(const char *text, const char *end, float *value)
{
    return parse(text, end, value);
}

int al_float_parse_f64(const char *text, const char *end, double *value)
{
    return parse(text, end, value);
}

size_t al_float_digits_f32(float value, char *text)
{
    return digits(value, text);
}

size_t al_float_digits_f64(double value, char *text)
{
    return digits(value, text);
}
