// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/classify.h: the classification extension: of an output only its largest
// values, as text. A pure function; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loader/protocols/oip/infer.h"

namespace aiges::oip {

// The output becomes BYTES "value:index" or "value:index:label", the largest first, `count` at
// most. `batched`: of each element of the first dimension by itself.
Status Classify(uint64_t count, bool batched, const std::vector<std::string>& labels,
                Tensor* output);

}  // namespace aiges::oip
