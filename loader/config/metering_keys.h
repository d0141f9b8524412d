// SPDX-License-Identifier: Apache-2.0
// loader/config/metering_keys.h: [metering] and [entitlement].
#pragma once

#include "loader/config/key_reader.h"

namespace aiges {

void ReadMetering(KeyReader* keys, MeteringSettings* out);
void ReadEntitlementKeys(KeyReader* keys, EntitlementSettings* out);

}  // namespace aiges
