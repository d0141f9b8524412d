// SPDX-License-Identifier: Apache-2.0
#include "loader/base/version.h"

namespace aiges {

const char* const kHostVersion = AIGES_VERSION;

}  // namespace aiges
