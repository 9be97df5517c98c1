/* trim: gives back memory that only starting up needed. */
#ifndef APP_TRIM_H
#define APP_TRIM_H

/* What the allocator holds free, and the pages of program text (ours and the libraries') that were read so far: those that
 * go on being used come back from the page cache at the next step into them. Changes nothing but the resident size;
 * where the system does not tell its mappings, nothing at all. */
void app_trim(void);

#endif
