/* fuzz_number.c - any bytes as a number of each type: the C library agrees, and printed it reads the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

/** What strtod() says of the whole text, as a fault; hexadecimal and "nan(...)" are not for it to judge. */
static al_number_fault oracle(al_type type, const char *text, size_t nbytes, double *value)
{
    char *end;
    if (nbytes == 0)
        return AL_NUMBER_EMPTY;
    if (isspace((unsigned char)text[0]) || strpbrk(text, "xX(") != NULL)
        return AL_NUMBER_SYNTAX;
    *value = type == AL_TYPE_f32 ? (double)strtof(text, &end) : strtod(text, &end);
    if (end != text + nbytes)
        return AL_NUMBER_SYNTAX;
    return isinf(*value) && strpbrk(text, "0123456789") != NULL ? AL_NUMBER_RANGE : AL_NUMBER_OK;
}

static void check_float(al_type type, const char *text, size_t nbytes, const void *value,
                        al_number_fault fault)
{
    double expected = 0, number;
    float narrow;
    if (fault != oracle(type, text, nbytes, &expected))
        abort();
    if (fault != AL_NUMBER_OK)
        return;
    memcpy(&narrow, value, sizeof narrow);
    memcpy(&number, value, type == AL_TYPE_f64 ? sizeof number : sizeof narrow);
    if (type == AL_TYPE_f32)
        number = (double)narrow;
    if (isnan(number) ? !isnan(expected) : memcmp(&number, &expected, sizeof number) != 0)
        abort();
}

static void check_type(al_type type, const char *text, size_t nbytes)
{
    char value[sizeof(al_i128)] = {0}, back[sizeof(al_i128)] = {0}, printed[AL_NUMBER_TEXT_MAX];
    al_number_fault fault = al_number_parse(type, text, text + nbytes, value);
    if (al_type_is_float(type))
        check_float(type, text, nbytes, value, fault);
    if (fault != AL_NUMBER_OK)
        return;
    size_t nprinted = al_number_format(type, value, printed);
    if (nprinted == 0 || nprinted > sizeof printed ||
        al_number_parse(type, printed, printed + nprinted, back) != AL_NUMBER_OK ||
        memcmp(value, back, sizeof value) != 0)
        abort();
}

/** The bytes as a value, printed and read back. */
static void check_bits(al_type type, const uint8_t *data, size_t nbytes)
{
    char value[sizeof(al_i128)] = {0}, back[sizeof(al_i128)] = {0}, printed[AL_NUMBER_TEXT_MAX];
    size_t most = al_type_nbytes(type);
    if (nbytes > 0)
        memcpy(value, data, nbytes < most ? nbytes : most);
    size_t nprinted = al_number_format(type, value, printed);
    if (nprinted == 0 || nprinted > sizeof printed ||
        al_number_parse(type, printed, printed + nprinted, back) != AL_NUMBER_OK)
        abort();
    if (memcmp(value, back, most) != 0 && memcmp(printed, "nan", 3) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    /* The oracle wants it terminated. What is parsed is the input itself where it may, with no byte more. */
    char *copy = calloc(nbytes + 1, 1);
    if (copy == NULL)
        return 0;
    if (nbytes > 0)
        memcpy(copy, data, nbytes);
    for (al_type type = 0; type < AL_NTYPES; type++) {
        char value[sizeof(al_i128)];
        (void)al_number_parse(type, (const char *)data, (const char *)data + nbytes, value);
        check_type(type, copy, nbytes);
        check_bits(type, data, nbytes);
    }
    free(copy);
    return 0;
}
