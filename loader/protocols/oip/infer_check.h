// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/infer_check.h: whether a request is one that the model can answer.
//
// The texts are those that clients of OIP know from Triton. Pure functions; thread-safe.
#pragma once

#include <string>

#include "loader/base/status.h"
#include "loader/protocols/model_card.h"
#include "loader/protocols/oip/infer.h"

namespace aiges::oip {

// Parameters of the request: names that are taken, kinds of those that mean something.
Status CheckParams(const Params& params);

// Names, datatypes, shapes, sizes. All inputs have their data by then. A card without tensors takes
// any; the data fit their shape all the same.
Status CheckRequest(const InferRequest& request, const ModelCard& card);

}  // namespace aiges::oip
