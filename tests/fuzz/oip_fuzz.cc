// SPDX-License-Identifier: Apache-2.0
// Whatever comes as a request of the Open Inference Protocol: the first byte says in which form
// (gRPC, JSON, JSON with binary data, generate, predict). Tensors lie in memory that is theirs, and
// what is wrong can be told; a request that passes the checks can be answered by its own inputs, in
// both forms.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/front/json_string.h"
#include "loader/protocols/oip/classify.h"
#include "loader/protocols/oip/generate.h"
#include "loader/protocols/oip/grpc_codec.h"
#include "loader/protocols/oip/infer_check.h"
#include "loader/protocols/oip/rest_codec.h"
#include "tests/fakes/heap_buffers.h"

namespace {

using namespace aiges;
using namespace aiges::oip;

const ModelCard& Card() {
  static const ModelCard card(R"({"model":{"max_batch_size":2,
    "inputs":[{"name":"A","datatype":"FP32","shape":[-1,2],"optional":true},
              {"name":"B","datatype":"BYTES","shape":[-1,-1],"optional":true}],
    "outputs":[{"name":"A","datatype":"FP32","shape":[-1,2]}]}})");
  return card;
}

Status Parse(uint8_t form, const Bytes& body, const Memory& memory, InferRequest* out,
             RestForm* rest) {
  static const ModelCard none;
  switch (form % 6) {
    case 0:
      return ParseGrpc(body, memory, out);
    case 1:
      return ParseRest(body, {}, Card(), memory, out, rest);
    case 2:
      return ParseRest(body, body.size() / 2, Card(), memory, out, rest);
    case 3:
      return ParseGenerate(body.view(), Card(), {}, memory, out);
    case 4:
      return ParsePredict(body.view(), Card(), {}, memory, out);
    default:
      return ParsePredict(body.view(), none, {}, memory, out);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  HeapBuffers pool;
  Account account("max_input_bytes", 1 << 22);
  const Bytes body = Bytes::Own(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  IsLongToParse(body.view());
  InferRequest request;
  RestForm form;
  Status status = Parse(data[0], body, {&pool, &account}, &request, &form);
  if (status.ok()) status = CheckParams(request.params);
  if (status.ok()) status = CheckRequest(request, data[0] & 0x80 ? ModelCard() : Card());
  if (!status.ok()) {
    if (status.text.empty()) std::abort();
    return 0;
  }
  InferResponse response;
  response.params = std::move(request.params);
  response.outputs = std::move(request.inputs);
  for (const Tensor& output : response.outputs) {
    const bool bytes = output.datatype == Datatype::kBytes;
    if (!bytes && output.has_data &&
        output.data.size() != *CountOf(output.shape) * SizeOf(output.datatype)) {
      std::abort();
    }
    Tensor classes = output;
    static_cast<void>(Classify(3, true, {"a"}, &classes));
  }
  const HttpResponse http = WriteRest(response, form);
  if (!IsUtf8(http.body.front().view())) std::abort();
  WriteGenerate(response);
  WritePredict(response, Card(), "predictions");
  WriteGrpcStream(response, "");
  return 0;
}
