/* token.c - see token.h. Machines that are copies of each other have the same paths, the same inode numbers
 * and the same times in them: only something that was not there when they were copied tells folders apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/token.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void al_token_create(al_token *token, const char *folder)
{
    uint64_t random[3] = {0, 0, 0};
    token->path[0] = token->text[0] = '\0';
    if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        return;
    int n = snprintf(token->path, sizeof token->path, "%s/.allot-%08llx", folder,
                     (unsigned long long)(random[2] & 0xffffffff));
    (void)snprintf(token->text, sizeof token->text, "%016llx%016llx", (unsigned long long)random[0],
                   (unsigned long long)random[1]);
    int fd = n > 0 && (size_t)n < sizeof token->path
                 ? open(token->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : -1;
    size_t length = strlen(token->text);
    bool written = fd >= 0 && write(fd, token->text, length) == (ssize_t)length && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (fd >= 0 && !written)
        (void)unlink(token->path);
    if (!written)
        token->path[0] = token->text[0] = '\0';
}

void al_token_remove(al_token *token)
{
    if (token->path[0] != '\0')
        (void)unlink(token->path);
    token->path[0] = '\0';
}
