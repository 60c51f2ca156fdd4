/* SPDX-License-Identifier: MIT */
/*
 * SIGPIPE, kept from the program. sendfile(2) and splice(2) raise it where the peer is gone, and so
 * does write(2) to a pipe; none of them has a flag against it. It goes to the thread that makes the
 * call, so it is enough to block it there.
 *
 * Between enter and leave, which nest, the first such call of a thread blocks the signal, and the
 * last leave takes out what came and unblocks it. So a turn that makes no such call makes no other
 * for its sake. A program that blocked it itself, or has one pending, keeps both.
 */
#ifndef SLUICE_BASE_SIGPIPE_H
#define SLUICE_BASE_SIGPIPE_H

void sigpipe_enter(void);
void sigpipe_leave(void);

/* For the wrappers in sys.c: before a call that may raise it, and when one answered EPIPE. */
void sigpipe_expect(void);
void sigpipe_note(void);

#endif
