// SPDX-License-Identifier: Apache-2.0
// Whatever bytes come over gRPC: read or refused. What was read is written and read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "loader/protocols/xsf_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aiges;
  XsfRequest request;
  const Bytes message = Bytes::Own(std::string(reinterpret_cast<const char*>(data), size));
  if (!ParseXsf(message, &request).ok()) return 0;
  (void)CheckInput(request.call).ok();
  PassHeaders({}, &request.call);
  // The input as output: what a plugin that echoes would return.
  std::vector<Payload>& payloads = request.call.request.payloads;
  (void)CheckOutput(request.call.expect, &payloads).ok();
  XsfReply reply;
  reply.trace = &request.trace;
  reply.handle = &request.handle;
  reply.service_id = request.call.service_id;
  reply.payloads = &payloads;
  size_t total = 0;
  for (const Bytes& piece : SerialiseXsf(reply)) {
    for (const char c : piece.view()) total += static_cast<unsigned char>(c);
  }
  return total == SIZE_MAX ? 1 : 0;
}
