// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/infer_call.h: an inference request as a call of the engine, and back.
//
// Each input is a payload: the key is its name, desc says datatype and shape. Parameters are params
// as text; the param ":oip" has all that the client said, with its types. A model whose card has no
// tensors gets what it knows: BYTES of shape [1] as the bytes themselves, with no desc. Of its
// answer each payload is an output: with datatype and shape in desc, or BYTES [1]; ":parameters" is
// those of the response.
// Pure functions but where they copy shared memory of clients; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loader/api/models.h"
#include "loader/api/request.h"
#include "loader/api/settings.h"
#include "loader/front/exchange.h"
#include "loader/protocols/engine_schema.h"
#include "loader/protocols/model_card.h"
#include "loader/protocols/oip/client_shm.h"
#include "loader/protocols/oip/counted.h"
#include "loader/protocols/oip/infer.h"
#include "loader/protocols/once.h"

namespace aiges::oip {

// The model that a client means, as of now.
struct Target {
  ModelRef model;
  std::string name;  // As the client says it.
  std::shared_ptr<const ModelCard> card;
};

// kNotFound, or kInvalid where the version is no number.
Status FindTarget(const Models& models, const std::string& name, const std::string& version,
                  Target* out);

// What the engine declares beside tensors, made once for as long as the text is the same.
std::vector<EngineSchema::Field> InputFieldsOf(const std::shared_ptr<const std::string>& schema);

// Who asks, beside what the request says.
struct Asker {
  Caller caller;
  Pairs headers;
  std::string id;  // Of the call: never that of another.
};

// Checks the request, and takes its inputs.
Status MakeCall(InferRequest* request, const Target& target, const ServiceSettings& settings,
                const ClientShm& shm, const Memory& memory, Asker asker, OnceCall* out);

// When the call is to be done: what the client gives it, or what calls usually get.
TimePoint DeadlineOf(const Params& params, TimePoint arrived, TimePoint clients);

// What is to be known of a request when its answer comes.
struct Wish {
  std::string model, version, id;
  std::vector<RequestedOutput> outputs;
  std::shared_ptr<const ModelCard> card;
  ModelRef counted;    // Where it asks for more than one item of a batch,
  uint64_t items = 1;  // so many.

  Wish() = default;
  Wish(const InferRequest& request, const Target& target);
};

// kInternal: an output is none. Outputs that were not asked for are left out, and those that go to
// shared memory of the client's are written there.
Status MakeResponse(std::vector<Payload> payloads, const Wish& wish, const ClientShm& shm,
                    InferResponse* out);

// Whether a batch of a session is a response, or nothing but its end.
bool IsResponse(const std::vector<Payload>& batch);

// Whether it is an error in the place of a response: ":error", {"message": "..", "code": 3} with
// the codes of Triton.
bool IsError(const std::vector<Payload>& batch, Status* error);

// What clients of OIP see of an error.
std::string ErrorText(const Status& status);

}  // namespace aiges::oip
