/* The program around an expression.
 *
 * The user's text stands in the program three times at most (its type, its value, and the reduction),
 * each time alone on its lines under a #line that names it, so that the compiler's positions are
 * positions in what was typed. The type comes first and at file scope: a mistake shows there before it
 * could make noise elsewhere, and the loops can name the type.
 *
 * Invariants: the text depends on nothing but the arguments, since it is half of the cache's key; what
 * was checked by al_expr_check() cannot end a parenthesis, a comment or a line that is ours.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "map/expr_parts.h"

static const char *const type_names[AL_NTYPES] = {
#define AL_TYPE_TEXT(name, ctype) #name,
    AL_TYPES(AL_TYPE_TEXT)
#undef AL_TYPE_TEXT
};

/* The table as the program declares it: the twin of al_expr_table. */
static const char table_text[] =
    "typedef struct al_table {\n"
    "    unsigned abi, in_type, out_type, reduce_type, acc_nbytes, exact;\n"
    "    void (*map)(const void *, void *, al_u64, al_u64, const void *);\n"
    "    _Bool *(*overflowed)(void);\n"
    "    const char *(*overflow_text)(void);\n"
    "    al_u64 (*locate)(const void *, al_u64, al_u64, const void *);\n"
    "    void (*fold)(const void *, void *, al_u64, al_u64, const void *);\n"
    "    void (*combine)(void *, const void *);\n"
    "    _Bool (*finish)(const void *, void *);\n"
    "    char key[33];\n"
    "} al_table;\n"
    "extern const al_table al_expr_table __attribute__((visibility(\"default\")));\n";

static void write_constants(FILE *out)
{
    fprintf(out, "#line 1 \"%s\"\n", AL_EXPR_TAG_OURS);
    for (int type = 0; type < AL_NTYPES; type++)
        fprintf(out, "#define AL_TYPE_%s %d\n", type_names[type], type);
    fprintf(out, "#define AL_KIND_POWER %d\n#define AL_KIND_OUT %d\n#define AL_KIND_ACC %d\n",
            AL_EXPR_KIND_POWER, AL_EXPR_KIND_OUT, AL_EXPR_KIND_ACC);
}

/* Tabs become blanks: compilers do not agree on how many columns one is. What comes next, which closes the
 * parenthesis, is still on the user's account: an expression that lacks its end is found there. */
static void write_typed(FILE *out, const char *tag, const char *text)
{
    fprintf(out, "#line 1 \"%s\"\n", tag);
    for (; *text != '\0'; text++)
        fputc(*text == '\t' ? ' ' : *text, out);
    fputc('\n', out);
}

/* The expression on its own lines. A function of a file is named in parentheses: a macro of ours by the
 * same name must not take its place. */
static void write_item(FILE *out, const al_expr_spec *spec, int nargs, const char *x, const char *i)
{
    if (!spec->file) {
        write_typed(out, AL_EXPR_TAG_ITEM, spec->expr);
        return;
    }
    fprintf(out, "#line 1 \"%s\"\n(%s)(%s%s%s)\n", AL_EXPR_TAG_ITEM, spec->function, x,
            nargs == 2 ? ", " : "", nargs == 2 ? i : "");
}

static void write_item_type(FILE *out, const al_expr_spec *spec, int nargs)
{
    fprintf(out, "typedef al_%s al_in;\n", type_names[spec->in_type]);
    if (!spec->file)
        fputs("extern al_in x;\nextern al_i64 i;\n", out);
    fputs("typedef __typeof__((\n", out);
    write_item(out, spec, nargs, "*(al_in *)0", "*(al_i64 *)0");
    fprintf(out, ")) al_natural;\n#line 1 \"%s\"\n", AL_EXPR_TAG_OURS);
    fprintf(out, "%s#line 1 \"%s\"\nAL_CHECK(al_natural)\n#line 1 \"%s\"\n", al_prelude_natural,
            AL_EXPR_TAG_ITEM, AL_EXPR_TAG_OURS);
}

static void write_item_value(FILE *out, const al_expr_spec *spec, int nargs)
{
    if (spec->has_out_type) {
        const char *name = type_names[spec->out_type];
        fprintf(out, "typedef al_%s al_out;\nenum { al_out_type = AL_TYPE_%s };\n", name, name);
    } else {
        fputs("enum { al_out_type = AL_TYPE_OF(al_natural) };\n"
              "typedef __typeof__(AL_OF((al_natural *)0, (al_i32)0, (al_i64)0, (al_i64)0, (al_u64)0, "
              "(al_i128)0,\n"
              "    (al_f32)0, (al_f64)0, 0, 0, 0)) al_out;\n",
              out);
    }
    /* In a file, the names are the file's own: it must not meet x and i of ours. */
    const char *x = spec->file ? "al_x" : "x", *i = spec->file ? "al_i" : "i";
    fprintf(out, "AL_FORCE al_natural al_value(const al_in %s, const al_i64 %s)\n{\n    return (\n", x, i);
    write_item(out, spec, nargs, x, i);
    fprintf(out, ");\n#line 1 \"%s\"\n}\n", AL_EXPR_TAG_OURS);
}

static void write_own_reduction(FILE *out, const char *reduce, bool is_file)
{
    /* a and b may be names of the file; x and i are still declared, for the type of the expression. */
    fputs(is_file ? "#define a al_a\n#define b al_b\n" : "#pragma GCC poison x i\n", out);
    fputs("extern al_out a, b;\ntypedef __typeof__((\n", out);
    write_typed(out, AL_EXPR_TAG_MERGE, reduce);
    fprintf(out, ")) al_merged;\n#line 1 \"%s\"\nAL_CHECK(al_merged)\n#line 1 \"%s\"\n", AL_EXPR_TAG_MERGE,
            AL_EXPR_TAG_OURS);
    fputs("AL_FORCE al_merged al_merge(const al_out a, const al_out b)\n{\n    return (\n", out);
    write_typed(out, AL_EXPR_TAG_MERGE, reduce);
    fprintf(out, ");\n#line 1 \"%s\"\n}\n", AL_EXPR_TAG_OURS);
    if (is_file)
        fputs("#undef a\n#undef b\n", out);
    fputs(al_prelude_own, out);
}

static void write_reduction(FILE *out, const char *reduce, bool is_file)
{
    const bool is_mean = strcmp(reduce, "mean") == 0;
    if (is_mean || strcmp(reduce, "sum") == 0) {
        fputs(al_prelude_sum, out);
        fputs(is_mean ? al_prelude_end_mean : al_prelude_end_sum, out);
    } else if (strcmp(reduce, "count") == 0) {
        fputs(al_prelude_count, out);
    } else if (strcmp(reduce, "min") == 0 || strcmp(reduce, "max") == 0) {
        fprintf(out, "#define AL_BEATS %c\n", reduce[1] == 'i' ? '<' : '>');
        fputs(al_prelude_least, out);
    } else {
        write_own_reduction(out, reduce, is_file);
    }
    fputs(al_prelude_fold, out);
}

static void write_texts(FILE *out, const char *name, const char *sentence)
{
    fprintf(out, "static const char *const %s[] = {", name);
    for (int type = 0; type < AL_NTYPES; type++)
        fprintf(out, "\"%s %s\", ", sentence, type_names[type]);
    fputs("};\n", out);
}

static void write_table(FILE *out, const al_expr_spec *spec, const al_expr_key *key)
{
    const bool folds = spec->reduce != NULL;
    write_texts(out, "al_out_texts", "the result does not fit into");
    write_texts(out, "al_acc_texts", "the reduction left the range of");
    if (!folds)
        fputs("enum { al_reduce_type = 0, al_exact = 0 };\n", out);
    fputs(al_prelude_overflow, out);
    fputs(table_text, out);
    fprintf(out, "const al_table al_expr_table = {%d, %d, al_out_type, al_reduce_type, %s, al_exact,\n",
            AL_EXPR_ABI, (int)spec->in_type, folds ? "sizeof(al_acc)" : "0");
    fprintf(out, "    al_map, al_overflowed, al_overflow_text, al_locate, %s,\n    \"%s\"};\n",
            folds ? "al_fold, al_combine, al_finish" : "0, 0, 0", key ? key->text : "");
}

/* The user's file; a main() in it must not take the place of ours. */
static void write_file(FILE *out, al_build build, const char *user)
{
    if (build == AL_BUILD_PROGRAM)
        fputs("#define main al_main_of_file\n", out);
    fputs(user, out);
    if (build == AL_BUILD_PROGRAM)
        fputs("\n#undef main\n", out);
}

allot_err al_expr_source(const al_expr_spec *spec, al_build build, const char *user, int nargs,
                         const al_expr_key *key, char **source, allot_error *err)
{
    size_t nbytes = 0;
    char *text = NULL;
    *source = NULL;
    FILE *out = open_memstream(&text, &nbytes);
    if (!out)
        return al_fail(err, ALLOT_ENOMEM, errno, "cannot write the program around the expression");
    if (user)
        write_file(out, build, user);
    else
        fputs(al_prelude_headers, out);
    fputc('\n', out);
    write_constants(out);
    fputs(al_prelude_types, out);
    fputs(al_prelude_helpers, out);
    write_item_type(out, spec, nargs);
    write_item_value(out, spec, nargs);
    fputs(al_prelude_map, out);
    if (spec->reduce)
        write_reduction(out, spec->reduce, spec->file != NULL);
    write_table(out, spec, key);
    if (build == AL_BUILD_PROGRAM)
        fprintf(out, "enum { al_processor_nbytes = %d, al_exit_processor = %d, al_exit_overflow = %d };\n%s",
                AL_EXPR_PROCESSOR_NBYTES, AL_EXPR_EXIT_PROCESSOR, AL_EXPR_EXIT_OVERFLOW, al_prelude_main);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return al_fail(err, ALLOT_ENOMEM, 0, "the program around the expression does not fit into memory");
    }
    *source = text;
    return ALLOT_OK;
}
