/* test_npy.c - .npy headers: what is read, what is refused and in which words, and what is written.
 * That NumPy itself agrees is test_npy_numpy.py's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/npy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define GOOD(shape) "{'descr': '<f8', 'fortran_order': False, 'shape': " shape ", }\n"

/** A file of a version and a header, in memory that ends where the file does. @return owned by caller */
static char *make_file(int version, const char *header, size_t *nbytes)
{
    size_t length = strlen(header), prefix = version == 1 ? 10 : 12;
    char *file = malloc(prefix + length);
    assert_non_null(file);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (char)version;
    file[7] = 0;
    for (size_t i = 8; i < prefix; i++)
        file[i] = (char)(length >> (8 * (i - 8)));
    memcpy(file + prefix, header, length);
    *nbytes = prefix + length;
    return file;
}

static allot_err parse(int version, const char *header, uint64_t file_nbytes, al_npy *npy, allot_error *err)
{
    size_t nbytes;
    char *file = make_file(version, header, &nbytes);
    memset(err, 0, sizeof *err);
    allot_err code = al_npy_parse(file, nbytes, file_nbytes, "x.npy", npy, err);
    assert_int_equal(code, code == ALLOT_OK ? ALLOT_OK : err->code);
    assert_int_equal(al_npy_header_nbytes(file, nbytes), nbytes);
    free(file);
    return code;
}

static void check_shape(const char *header, uint32_t ndims, uint64_t nitems)
{
    for (int version = 1; version <= 3; version++) {
        al_npy npy;
        allot_error err;
        if (parse(version, header, UINT64_MAX, &npy, &err) != ALLOT_OK)
            fail_msg("%s: %s", header, err.text);
        assert_int_equal(npy.type, AL_TYPE_f64);
        assert_int_equal(npy.ndims, ndims);
        assert_int_equal(npy.nitems, nitems);
        assert_int_equal(npy.data_offset, strlen(header) + (version == 1 ? 10 : 12));
    }
}

static void shapes_are_read(void **state)
{
    (void)state;
    check_shape(GOOD("()"), 0, 1);
    check_shape(GOOD("(3,)"), 1, 3);
    check_shape(GOOD("(2, 3)"), 2, 6);
    check_shape(GOOD("(2,3,)"), 2, 6);
    check_shape(GOOD("( 2 ,\t3 , 4 )"), 3, 24);
    check_shape(GOOD("(3L,)"), 1, 3);
    check_shape(GOOD("(0,)"), 1, 0);
    check_shape(GOOD("(9223372036854775807, 0, 9223372036854775807)"), 3, 0);
    check_shape(GOOD("(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,5)"), 32, 5);
    al_npy npy;
    allot_error err;
    assert_int_equal(parse(1, GOOD("(2, 30)"), UINT64_MAX, &npy, &err), ALLOT_OK);
    assert_true(npy.dims[0] == 2 && npy.dims[1] == 30);
}

static void any_order_and_spacing_will_do(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{'shape': (2, 3), 'fortran_order': True, 'descr': '<i4'}",
        "{\"descr\":\"<i4\",\"fortran_order\":True,\"shape\":(2,3)}\n\n",
        "  { 'fortran_order' : True ,\n'shape' : (2,3) , 'descr' : '<i4' , } \t\r\n",
        "{'descr': '=i4', 'fortran_order': True, 'shape': (2, 3), }",
        "{'descr': '|i4', 'fortran_order': True, 'shape': (2, 3), }",
        "{'descr': 'i4', 'fortran_order': True, 'shape': (2, 3), }",
    };
    for (size_t i = 0; i < COUNT(headers); i++) {
        al_npy npy;
        allot_error err;
        if (parse(1, headers[i], UINT64_MAX, &npy, &err) != ALLOT_OK)
            fail_msg("%s: %s", headers[i], err.text);
        assert_int_equal(npy.type, AL_TYPE_i32);
        assert_true(npy.fortran_order);
        assert_true(npy.ndims == 2 && npy.dims[0] == 2 && npy.dims[1] == 3 && npy.nitems == 6);
    }
}

static void types_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *descr;
        al_type type;
    } rows[] = {{"<i4", AL_TYPE_i32},
                {"<i8", AL_TYPE_i64},
                {"<u8", AL_TYPE_u64},
                {"<f4", AL_TYPE_f32},
                {"<f8", AL_TYPE_f64}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char header[200];
        al_npy npy;
        allot_error err;
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (5,), }",
                 rows[i].descr);
        assert_int_equal(parse(1, header, UINT64_MAX, &npy, &err), ALLOT_OK);
        assert_int_equal(npy.type, rows[i].type);
        assert_false(npy.fortran_order);
    }
}

/** Other types are refused by name, and the sentence says what to do. */
static void other_types_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *descr, *sentence;
    } rows[] = {
        {"'>f8'", "x.npy: dtype '>f8' is big-endian; convert it with a.astype('<f8')"},
        {"'>i4'", "x.npy: dtype '>i4' is big-endian; convert it with a.astype('<i4')"},
        {"'<u4'", "x.npy: dtype '<u4' is not one of i4, i8, u8, f4, f8; convert it with a.astype('<i8')"},
        {"'>i2'", "x.npy: dtype '>i2' is not one of i4, i8, u8, f4, f8; convert it with a.astype('<i4')"},
        {"'|b1'", "x.npy: dtype '|b1' is not one of i4, i8, u8, f4, f8; convert it with a.astype('<i4')"},
        {"'<f2'", "x.npy: dtype '<f2' is not one of i4, i8, u8, f4, f8; convert it with a.astype('<f4')"},
        {"'<f16'", "x.npy: dtype '<f16' is not one of i4, i8, u8, f4, f8; convert it with a.astype('<f8')"},
        {"'<c16'", "a.real"},
        {"'<M8[s]'", "convert the times with a.astype('<i8')"},
        {"'<U5'", "convert the strings with a.astype('<f8')"},
        {"'|O'", "convert the Python objects with a.astype('<f8')"},
        {"[('a b', '<f8'), ('c', '<i4')]", "save one of its fields, as in numpy.save(file, a['a b'])"},
        {"[]", "save one of its fields, as in numpy.save(file, a['name'])"},
        {"('<f8', (3,))", "save one of its fields, as in numpy.save(file, a['name'])"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char header[200];
        al_npy npy;
        allot_error err;
        snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (5,), }",
                 rows[i].descr);
        assert_int_equal(parse(1, header, UINT64_MAX, &npy, &err), ALLOT_EUNSUPPORTED);
        if (strstr(err.text, rows[i].sentence) == NULL || strncmp(err.text, "x.npy: ", 7) != 0)
            fail_msg("%s: %s", header, err.text);
    }
}

static void malformed_headers_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *header, *reason;
    } rows[] = {
        {"  ", "it must begin with '{', found its end (byte 12)"},
        {"[]", "it must begin with '{', found '[' (byte 10)"},
        {"{ ", "a key must be a string, found its end (byte 12)"},
        {"{}", "the key 'descr' is missing (byte 12)"},
        {"{,}", "a key must be a string, found ',' (byte 11)"},
        {"{'descr': '<f8', 'shape': (3,)}", "the key 'fortran_order' is missing"},
        {"{'descr': '<f8', 'fortran_order': True}", "the key 'shape' is missing"},
        {"{descr: '<f8'}", "a key must be a string, found 'd' (byte 11)"},
        {"{'descr' '<f8'}", "':' must follow the key 'descr', found ''' (byte 19)"},
        {"{'descr': '<f8' 'shape': (3,)}", "',' or '}' must follow a value, found ''' (byte 26)"},
        {"{'descr': '<f8', 'descr': '<f8'}", "the key 'descr' comes twice (byte 27)"},
        {"{'descr': '<f8', 'extra': 1}", "'extra' is no key of a .npy header (byte 27)"},
        {"{'\x1b[31m': 1}", "'?[31m' is no key of a .npy header"},
        {"{'descr': '<f8}", "the string of descr does not end"},
        {"{'descr': '\\x3cf8'}", "descr has an escape or a line break in it (byte 21)"},
        {"{'descr': 8}", "descr must be a string, found '8'"},
        {"{'descr': '<f8x'}", "EUNSUPPORTED"},
        {"{'descr': '<q8'}", "'<q8' is no dtype"},
        {"{'descr': ''}", "'' is no dtype"},
        {"{'descr': '<'}", "'<' is no dtype"},
        {"{'fortran_order': true}", "fortran_order must be True or False, found 't'"},
        {"{'fortran_order': 0}", "fortran_order must be True or False, found '0'"},
        {"{'shape': 3}", "shape must be a tuple such as (3,), found '3'"},
        {"{'shape': [3]}", "shape must be a tuple such as (3,), found '['"},
        {"{'shape': (3)}", "(3) is no tuple: shape lacks a comma"},
        {"{'shape': (-3,)}", "shape must hold lengths, found '-'"},
        {"{'shape': (,)}", "shape must hold lengths, found ','"},
        {"{'shape': (3,,)}", "shape must hold lengths, found ','"},
        {"{'shape': (3 4)}", "shape goes on with ',' or ends with ')', found '4'"},
        {"{'shape': (3, 4}", "shape goes on with ',' or ends with ')', found '}'"},
        {"{'shape': (3,", "shape must hold lengths, found its end"},
        {"{'shape': (9223372036854775808,)}", "a length in shape does not fit 63 bits"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} x", "'x' follows the closing '}'"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,)}", "over 2^63 bytes"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "over 2^63 bytes"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        al_npy npy, untouched;
        allot_error err;
        memset(&npy, 0x5a, sizeof npy);
        memset(&untouched, 0x5a, sizeof untouched);
        allot_err code = parse(1, rows[i].header, UINT64_MAX, &npy, &err);
        assert_memory_equal(&npy, &untouched, sizeof npy);
        if (strcmp(rows[i].reason, "EUNSUPPORTED") == 0) {
            assert_int_equal(code, ALLOT_EUNSUPPORTED);
            continue;
        }
        if (code != ALLOT_EFORMAT || strncmp(err.text, "x.npy: malformed .npy header: ", 30) != 0 ||
            strstr(err.text, rows[i].reason) == NULL || strstr(err.text, "numpy.save()") == NULL)
            fail_msg("%s: code %d, %s", rows[i].header, code, err.text);
    }
    /* A NUL is a character like another, not an end. */
    char file[] = "\x93NUMPY\1\0\x04\0{\0}\n";
    al_npy npy;
    allot_error err;
    assert_int_equal(al_npy_parse(file, 14, 14, "x.npy", &npy, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "a key must be a string, found '?' (byte 11)"));
}

static void too_many_dims_are_refused(void **state)
{
    (void)state;
    al_npy npy;
    allot_error err;
    assert_int_equal(parse(1, GOOD("(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"),
                           UINT64_MAX, &npy, &err),
                     ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "more than 32 dimensions; reshape it with a.reshape(-1)"));
}

static void truncated_files_are_told(void **state)
{
    (void)state;
    al_npy npy;
    allot_error err;
    size_t header = 10 + strlen(GOOD("(10,)"));
    assert_int_equal(parse(1, GOOD("(10,)"), header + 80, &npy, &err), ALLOT_OK);
    assert_int_equal(parse(1, GOOD("(10,)"), header + 1000, &npy, &err), ALLOT_OK);
    assert_int_equal(parse(1, GOOD("(10,)"), header + 79, &npy, &err), ALLOT_EFORMAT);
    char sentence[200];
    snprintf(
        sentence, sizeof sentence,
        "x.npy: truncated: 1 of %zu bytes are missing, so that it holds 9 of 10 items; copy or save it again",
        header + 80);
    assert_string_equal(err.text, sentence);
    assert_int_equal(parse(1, GOOD("(10,)"), header, &npy, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "truncated: 80 of "));
    /* Within the header, at every byte. */
    size_t nbytes;
    char *file = make_file(2, GOOD("(10,)"), &nbytes);
    for (size_t cut = 0; cut < nbytes; cut++) {
        char *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part + 1, file, cut);
        assert_int_equal(al_npy_parse(part + 1, cut, cut, "x.npy", &npy, &err), ALLOT_EFORMAT);
        assert_non_null(
            strstr(err.text, cut < 6 ? "not a .npy file" : "truncated: it ends within the .npy header"));
        assert_int_equal(al_npy_header_nbytes(part + 1, cut), cut < 6 ? 0 : cut < 12 ? 12 : nbytes);
        free(part);
    }
    free(file);
}

static void other_files_are_told(void **state)
{
    (void)state;
    al_npy npy;
    allot_error err;
    static const char text[] = "1\n2\n3\n4\n5\n6\n7\n";
    assert_int_equal(al_npy_parse(text, sizeof text - 1, sizeof text - 1, "x.txt", &npy, &err),
                     ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "x.txt: not a .npy file"));
    assert_int_equal(al_npy_header_nbytes(text, sizeof text - 1), 0);
    assert_int_equal(al_npy_parse("\x93NUMPY\x04\x01\x02\0{}  ", 14, 14, "x.npy", &npy, &err),
                     ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "version 4.1 is not known"));
    assert_int_equal(al_npy_parse("\x93NUMPY\x01\x01\x04\0{}  ", 14, 14, "x.npy", &npy, &err),
                     ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "version 1.1 is not known"));
    assert_int_equal(al_npy_parse("\x93NUMPY\x02\0\xff\xff\xff\xff{}", 14, 14, "x.npy", &npy, &err),
                     ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "claims 4294967307 bytes"));
    /* Nobody has to want the sentence. */
    assert_int_equal(al_npy_parse(text, sizeof text - 1, sizeof text - 1, "x.txt", &npy, NULL),
                     ALLOT_EFORMAT);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (uint32_t ndims = 0; ndims <= AL_NPY_MAX_DIMS; ndims++) {
        al_npy npy = {.type = AL_TYPE_u64, .fortran_order = ndims % 2, .ndims = ndims}, back;
        for (uint32_t i = 0; i < ndims; i++)
            npy.dims[i] = ndims > 3 ? 1 + (i < 3) : 1000000 + i;
        char header[2048];
        size_t nbytes = sizeof header;
        allot_error err;
        assert_int_equal(al_npy_format(&npy, header, &nbytes, &err), ALLOT_OK);
        assert_int_equal(nbytes % 64, 0);
        assert_int_equal(header[nbytes - 1], '\n');
        assert_int_equal(al_npy_parse(header, nbytes, UINT64_MAX, "x.npy", &back, &err), ALLOT_OK);
        assert_true(back.type == npy.type && back.fortran_order == npy.fortran_order && back.ndims == ndims);
        assert_int_equal(back.data_offset, nbytes);
        assert_memory_equal(back.dims, npy.dims, ndims * sizeof *npy.dims);
        /* Just enough room is enough, one byte less is not. */
        size_t room = nbytes;
        assert_int_equal(al_npy_format(&npy, header, &room, &err), ALLOT_OK);
        room = nbytes - 1;
        assert_int_equal(al_npy_format(&npy, header, &room, &err), ALLOT_EINVAL);
    }
}

/** The padding is right for every length of text. */
static void every_length_is_padded(void **state)
{
    (void)state;
    for (uint32_t nones = 0; nones < 24; nones++) {
        al_npy npy = {.type = AL_TYPE_f32, .ndims = nones + 1, .dims = {1}}, back;
        for (uint32_t i = 0; i < nones; i++)
            npy.dims[i + 1] = 1;
        for (; npy.dims[0] < UINT64_C(1000000000000); npy.dims[0] *= 10) {
            char header[512];
            size_t nbytes = sizeof header;
            assert_int_equal(al_npy_format(&npy, header, &nbytes, NULL), ALLOT_OK);
            assert_int_equal(nbytes % 64, 0);
            assert_int_equal(al_npy_parse(header, nbytes, UINT64_MAX, "x.npy", &back, NULL), ALLOT_OK);
            assert_int_equal(back.nitems, npy.dims[0]);
        }
    }
}

/** Byte for byte as numpy.save(numpy.zeros(3)) of NumPy 1.24 writes it. */
static void written_as_numpy_writes(void **state)
{
    (void)state;
    char header[256], expected[129];
    size_t nbytes = sizeof header;
    al_npy npy = {.type = AL_TYPE_f64, .ndims = 1, .dims = {3}};
    snprintf(expected, sizeof expected, "\x93NUMPY\x01_v_%-117s\n",
             "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }");
    expected[7] = expected[9] = '\0';
    assert_int_equal(al_npy_format(&npy, header, &nbytes, NULL), ALLOT_OK);
    assert_int_equal(nbytes, 128);
    assert_memory_equal(header, expected, 128);
}

static void what_has_no_header_is_refused(void **state)
{
    (void)state;
    char header[256];
    size_t nbytes = sizeof header;
    allot_error err;
    al_npy npy = {.type = AL_TYPE_i128, .ndims = 1, .dims = {3}};
    assert_int_equal(al_npy_format(&npy, header, &nbytes, &err), ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "NumPy has no type for i128"));
    npy = (al_npy){.type = AL_TYPE_f64, .ndims = AL_NPY_MAX_DIMS + 1};
    assert_int_equal(al_npy_format(&npy, header, &nbytes, &err), ALLOT_EINVAL);
}

/** The longest header fits the buffer it is composed in. */
static void the_longest_header_is_whole(void **state)
{
    (void)state;
    char header[4096];
    size_t nbytes = sizeof header;
    al_npy npy = {.type = AL_TYPE_f64, .ndims = AL_NPY_MAX_DIMS};
    for (size_t i = 0; i < AL_NPY_MAX_DIMS; i++)
        npy.dims[i] = UINT64_MAX;
    assert_int_equal(al_npy_format(&npy, header, &nbytes, NULL), ALLOT_OK);
    header[nbytes - 1] = '\0';
    assert_non_null(strstr(header + 10, "18446744073709551615, 18446744073709551615), }"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_read),
        cmocka_unit_test(any_order_and_spacing_will_do),
        cmocka_unit_test(types_are_read),
        cmocka_unit_test(other_types_are_refused),
        cmocka_unit_test(malformed_headers_are_told),
        cmocka_unit_test(too_many_dims_are_refused),
        cmocka_unit_test(truncated_files_are_told),
        cmocka_unit_test(other_files_are_told),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_length_is_padded),
        cmocka_unit_test(written_as_numpy_writes),
        cmocka_unit_test(what_has_no_header_is_refused),
        cmocka_unit_test(the_longest_header_is_whole),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
