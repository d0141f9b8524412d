/* SPDX-License-Identifier: Apache-2.0
 *
 * What paddle_serving_client's library asks glibc for, and glibc has not had since 2.34. */
#define _GNU_SOURCE
#include <dlfcn.h>

void* _dl_sym(void* handle, const char* name, void* caller) {
  (void)caller;
  return dlsym(handle, name);
}
