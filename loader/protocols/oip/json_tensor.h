// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/json_tensor.h: the data of tensors as JSON.
//
// Read: nested or flat, in any nesting that has the right number of elements. Numbers must be in
// the range of the datatype; FP16 and BF16 are numbers, too. Written: flat. What is no number is
// the bare token NaN or Infinity, as Triton's clients have it (and may be sent as that, or as a
// string). Pure functions; thread-safe.
#pragma once

#include <simdjson.h>

#include <string>

#include "loader/protocols/oip/counted.h"
#include "loader/protocols/oip/infer.h"

namespace aiges::oip {

// `tensor` has its datatype and shape.
Status ReadJsonData(const simdjson::dom::element& data, const Memory& memory, Tensor* tensor);

// A list; of `scalar`, where it has one element, that alone.
void AppendJsonData(std::string* out, const Tensor& tensor, bool scalar = false);

// The text with bare NaN, Infinity and -Infinity as strings. Empty: there are none.
std::string QuoteBareNumbers(std::string_view json);

}  // namespace aiges::oip
