// SPDX-License-Identifier: Apache-2.0
// xtest/grpc_env.h: what the calls of one gRPC client share. Belongs to one client thread.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "xtest/client.h"
#include "xtest/pauses.h"
#include "xtest/slices.h"
#include "xtest/timing.h"
#include "xtest/xsf_answer.h"
#include "xtest/xsf_request.h"

namespace aiges {

inline const std::string kXsfMethod = "/utils.XsfCall/call";
inline const std::string kStreamMethod = "/aiges.v1.Stream/Run";
// Request metadata that asks for the time per stage, and the trailing metadata that tells it.
inline const std::string kTimingKey = "server-timing";

// Request metadata that says who calls.
inline const std::string kApiKeyName = "x-api-key";

// A tag of the completion queue.
class GrpcEvent {
 public:
  virtual void Next(bool ok) = 0;

 protected:
  ~GrpcEvent() = default;
};

struct GrpcEnv {
  GrpcEnv(const Plan& p, Ended e)
      : plan(p),
        ended(std::move(e)),
        requests(p),
        slices(p),
        deadlines(std::chrono::milliseconds(p.timeout_ms + p.time_loss_ms)) {}

  grpc::GenericStub* Stub(size_t host) {
    auto& stubs = hosts[host];
    return &stubs[next_stub++ % stubs.size()];
  }
  void AddKey(grpc::ClientContext* context) const {
    if (!plan.api_key.empty()) context->AddMetadata(kApiKeyName, plan.api_key);
  }

  const Plan& plan;
  const Ended ended;
  XsfRequests requests;
  const Slices slices;
  Pauses pauses;
  Deadlines deadlines;
  std::vector<std::vector<grpc::GenericStub>> hosts;  // A stub per connection.
  size_t next_stub = 0;
  grpc::CompletionQueue queue;  // Last: the calls on it use the rest.
};

// kNoAnswer with a text: from a status that is not OK, or because the time was up.
void FailWith(const grpc::Status& status, const GrpcEnv& env, Call* call);
// A status as the answer that it is, of a service that we know nothing of.
void FailFree(const grpc::Status& status, Call* call);
void FailLate(const GrpcEnv& env, Call* call);
// What one message of a session has brought.
void TakeOutput(const XsfAnswer& answer, TimePoint now, Call* call);
void ReadTiming(const grpc::ClientContext& context, Call* call);

// A kind of call: it waits here between two uses. T(GrpcEnv*, Pool<T>*), Start(Call*), Cancel().
template <class T>
class Pool {
 public:
  explicit Pool(GrpcEnv* env) : env_(env) {}
  void Start(Call* call) {
    if (free_.empty()) {
      all_.push_back(std::make_unique<T>(env_, this));
      free_.push_back(all_.back().get());
    }
    T* one = free_.back();
    free_.pop_back();
    one->Start(call);
  }
  void Give(T* one) { free_.push_back(one); }
  void Cancel() {
    for (const auto& one : all_) one->Cancel();
  }

 private:
  GrpcEnv* env_;
  std::vector<std::unique_ptr<T>> all_;
  std::vector<T*> free_;
};

}  // namespace aiges
