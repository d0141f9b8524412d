// SPDX-License-Identifier: Apache-2.0
// xtest/free_request.h: a request of any other protocol, as the command line says it: the same
// bytes in every call.
#pragma once

#include <string>

#include "loader/base/status.h"
#include "xtest/options.h"
#include "xtest/plan.h"

namespace aiges {

// Makes plan->free of --method, --path, --header and --body; reads the body. What is missing or of
// another protocol is an error.
Status ReadFreeRequest(const Options& options, Plan* plan);

}  // namespace aiges
