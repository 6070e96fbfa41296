/* See drop.h. */
#include "services/ledger/drop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "services/ledger/folder.h"
#include "services/ledger/mark.h"

size_t drop_segments(const char *journal, uint64_t seq)
{
    struct folder_names l = {0};
    struct segment_pos first;
    struct segment_pos last;
    char path[FOLDER_PATH_BYTES];
    size_t n = 0;
    assert_int_equal(folder_list(journal, ".seg", false, &l, NULL), ERR_OK);
    for (size_t i = 0; i < l.n; i++)
        if (segment_name_range(SEGMENT_JOURNAL, l.items[i], &first, &last) && last.seq <= seq) {
            assert_true(folder_path(path, journal, l.items[i]));
            assert_int_equal(unlink(path), 0);
            n++;
        }
    folder_names_fini(&l);
    return n;
}
