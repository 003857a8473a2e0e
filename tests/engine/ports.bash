# ports.bash - ports on loopback for daemons that tests start. Sourced; not a test.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

# free_ports N - the first of N ports in a row on which nothing listens. They are below those that the kernel
# hands out (ip_local_port_range, from 32768), so that no connection of anybody's takes one meanwhile.
free_ports() {
    local first k
    while true; do
        first=$((10000 + RANDOM % 22000))
        for ((k = first; k < first + $1; k++)); do
            ! (exec 3<>"/dev/tcp/127.0.0.1/$k") 2>/dev/null || continue 2
        done
        echo $first && return
    done
}
