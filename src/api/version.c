/* SPDX-License-Identifier: MIT */
/* What the library that runs is, which need not be the one that a program was compiled for. */
#include "sluice.h"

const char *sluice_version(void)
{
	return SLUICE_VERSION;
}

unsigned sluice_version_number(void)
{
	return SLUICE_VERSION_NUMBER;
}
