// SPDX-License-Identifier: Apache-2.0
// loader/worker/failure.h: why a call or session gets no results. A value.
#pragma once

#include <string>

#include "loader/channel/frame.h"

namespace aiges {

struct Failure {
  Fault fault = Fault::kNone;  // kNone: there are results.
  std::string text;            // For the client.
  std::string detail = {};     // For people: a traceback.
  ErrorClass error_class = ErrorClass::kOwn;
};

}  // namespace aiges
