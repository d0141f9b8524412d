// SPDX-License-Identifier: Apache-2.0
// loader/config/access_keys.h: [access].
#pragma once

#include "loader/config/key_reader.h"

namespace aiges {

// What the files say that it names is read where it is used (loader/access).
void ReadAccess(KeyReader* keys, AccessSettings* out);

}  // namespace aiges
