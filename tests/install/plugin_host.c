/* plugin_host.c - a program that knows nothing of allot loads a library that does, and calls FUNCTION of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *plugin = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
    int (*function)(void) = NULL;
    if (plugin != NULL)
        *(void **)&function = dlsym(plugin, argv[2]);
    if (function == NULL) {
        fprintf(stderr, "plugin_host: %s\n", argc == 3 ? dlerror() : "PLUGIN FUNCTION");
        return 1;
    }
    return function();
}
