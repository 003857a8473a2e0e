/* replay.c - a main for fuzz targets without a fuzzer.
 *
 * Gives every file named, and every file in the folders named, to the target once, so that inputs which
 * were worth keeping are tried by each build with each compiler. An empty input is always tried. Each
 * input lies in a heap block of exactly its size: a sanitizer then sees a read one byte past it. A name
 * that cannot be read, and a folder with nothing in it, fail: a corpus that is gone must not pass.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static unsigned ninputs;

static int complain(const char *path)
{
    fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    return -1;
}

/** Run the target on a copy that has no byte to spare. */
static int try_bytes(const char *path, const uint8_t *bytes, size_t nbytes)
{
    uint8_t *copy = malloc(nbytes > 0 ? nbytes : 1);
    if (copy == NULL)
        return complain(path);
    if (nbytes > 0)
        memcpy(copy, bytes, nbytes);
    (void)LLVMFuzzerTestOneInput(copy, nbytes);
    free(copy);
    ninputs++;
    return 0;
}

static int replay_file(const char *path, size_t nbytes)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return complain(path);
    uint8_t *bytes = malloc(nbytes > 0 ? nbytes : 1);
    int failed = -1;
    if (bytes == NULL || fread(bytes, 1, nbytes, file) != nbytes)
        (void)complain(path);
    else
        failed = try_bytes(path, bytes, nbytes);
    free(bytes);
    (void)fclose(file);
    return failed;
}

static int replay_folder(const char *path);

static int replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return complain(path);
    if (S_ISDIR(status.st_mode))
        return replay_folder(path);
    return replay_file(path, (size_t)status.st_size);
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return complain(path);
    unsigned before = ninputs;
    int failed = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        failed |= replay(name);
    }
    (void)closedir(folder);
    if (ninputs == before && failed == 0) {
        fprintf(stderr, "replay: %s: no input in this folder\n", path);
        failed = -1;
    }
    return failed;
}

int main(int argc, char **argv)
{
    int failed = try_bytes("(empty input)", NULL, 0);
    for (int at = 1; at < argc; at++)
        failed |= replay(argv[at]);
    printf("replay: %u inputs\n", ninputs);
    return failed == 0 && argc > 1 ? 0 : 1;
}
