// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/rest_infer.h: inference over HTTP: infer, generate, generate_stream, and
// KServe's predict and explain.
//
// Bodies may be packed (Content-Encoding: gzip, deflate), and so are answers where the client takes
// that. What is long is parsed, packed and made into text on the codec threads.
#pragma once

#include <cstdint>
#include <string>

#include "loader/front/front_lane.h"
#include "loader/front/http_types.h"
#include "loader/protocols/oip/server.h"

namespace aiges::oip {

enum class InferVerb { kInfer, kGenerate, kGenerateStream, kPredict, kExplain };

struct InferPath {
  std::string model, version;
  InferVerb verb;
};

// As HttpHandler. Lane.
uint64_t StartRestInfer(FrontLane* lane, Server* server, InferPath path, HttpRequest request,
                        HttpDone done);

}  // namespace aiges::oip
