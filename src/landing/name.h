/* SPDX-License-Identifier: MIT */
/*
 * Steps by name in a directory that others write to, too: only what a descriptor has open is moved
 * or removed. Linux has no call that looks and acts at once, so the name is looked at, what it
 * names is moved aside to a name that nobody else uses, and looked at again there. What is
 * another's goes back. A kill in between leaves it aside; see target.c.
 */
#ifndef SLUICE_LANDING_NAME_H
#define SLUICE_LANDING_NAME_H

#include <stdbool.h>

/* Of the 255 bytes of a name: ".2.part.state" has 13. */
#define NAME_STEM 240

/* What names are made of by putting more behind it. One that leaves no room for that is cut, and
 * told apart by a digest. */
void name_stem(char stem[NAME_STEM + 1], const char *name);
/* Whether this is, at this moment, the name of what the descriptor has open. */
bool name_is_of(int directory, const char *name, int fd);
/* 0; -ESTALE where it is not; -errno. */
int name_remove(int directory, const char *name, const char *aside, int fd);
/* The same, of a move; what had the new name is replaced, or it is -EEXIST. */
int name_move(int directory, const char *name, const char *aside, const char *to, int fd,
	      bool replaces);
/* To a name that nothing may have. -EEXIST; -errno. */
int name_move_new(int directory, const char *name, const char *to);

#endif
