// SPDX-License-Identifier: Apache-2.0
/* Plugins are written in C too: the headers must compile as C. */
#include "aiges/wrapper.h"

unsigned long aiges_abi_sizes_in_c(void);
unsigned long aiges_abi_sizes_in_c(void) {
  return sizeof(struct DataList) * 1000 + sizeof(struct ParamList);
}
