// SPDX-License-Identifier: Apache-2.0
// Whatever body comes over HTTP: an envelope, or the error that says what is wrong with it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "loader/api/codes.h"
#include "loader/protocols/json_answer.h"
#include "loader/protocols/json_codec.h"
#include "tests/fakes/heap_buffers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aiges;
  HeapBuffers buffers;
  OnceCall call;
  const Bytes body = Bytes::Own(std::string(reinterpret_cast<const char*>(data), size));
  const Status status = ParseEnvelope(body, &buffers, &call);
  OnceCall again;
  if (!status.ok()) {
    // The error goes to the client: it must be JSON whatever the text quotes.
    const Bytes answer = Bytes::Own(WriteErrorEnvelope("sid", CodeOf(status), status.text));
    if (!ParseEnvelope(answer, &buffers, &again).ok()) std::abort();
    return 0;
  }
  std::vector<Payload>& payloads = call.request.payloads;
  (void)CheckOutput(call.expect, &payloads).ok();
  // Text goes out raw, which is no base64: then only JSON itself is checked.
  const Bytes answer = Bytes::Own(WriteEnvelope("sid", ByKey(std::move(payloads))));
  if (ParseEnvelope(answer, &buffers, &again).code == kCodeBodyNotJson) std::abort();
  return 0;
}
