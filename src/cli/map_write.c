/* map_write.c - the writer: takes computed blocks, writes them, gives them back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_write.h"

#include "base/fail.h"

static void *write_blocks(void *arg)
{
    al_writer *writer = arg;
    const al_map_block *block;
    while ((block = al_ring_next(writer->ring)) != NULL) {
        writer->code = al_output_write_block(writer->output, block, &writer->err);
        if (writer->code != ALLOT_OK) {
            writer->failed(writer->arg);
            break;
        }
        atomic_fetch_add_explicit(&writer->nitems, block->nitems, memory_order_relaxed);
        al_ring_written(writer->ring);
    }
    return NULL;
}

allot_err al_writer_start(al_writer *writer, allot_error *err)
{
    writer->code = ALLOT_OK;
    int failed = pthread_create(&writer->thread, NULL, write_blocks, writer);
    if (failed != 0)
        return al_fail(err, ALLOT_ENOMEM, failed, "a thread to write %s cannot be made",
                       writer->output->name);
    writer->is_running = true;
    return ALLOT_OK;
}

allot_err al_writer_join(al_writer *writer, allot_error *err)
{
    if (!writer->is_running)
        return ALLOT_OK;
    (void)pthread_join(writer->thread, NULL);
    writer->is_running = false;
    if (writer->code != ALLOT_OK)
        *err = writer->err;
    return writer->code;
}
