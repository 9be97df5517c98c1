/* trim: gives back memory that only starting up needed. */
#ifndef APP_TRIM_H
#define APP_TRIM_H

/* What the allocator holds free, and the pages of program text (ours and the libraries') that were read so far: those that
 * go on being used come back from the page cache at the next step into them, one by one: the text stays marked as read at
 * random, so that no page brings its neighbours along for as long as the process lives. Where the system does not
 * tell its mappings, only the allocator's part is done. */
void app_trim(void);

#endif
