// SPDX-License-Identifier: Apache-2.0
// xtest/grpc_session.h: a session over /utils.XsfCall/call: AIIn that creates it, AIIn per packet,
// AIOut until the output ends, AIExcp. One operation at a time. Belongs to one client thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "xtest/grpc_env.h"

namespace aiges {

class GrpcSession final : public GrpcEvent, public Sleeper, public Expiring {
 public:
  GrpcSession(GrpcEnv* env, Pool<GrpcSession>* pool) : env_(*env), pool_(*pool) {}

  void Start(Call* call);
  void Cancel();
  void Next(bool ok) override;
  void Wake(TimePoint now) override;
  bool Waits(uint64_t number) const override { return flying_ && number == number_; }
  void Expire() override;

 private:
  // kIdle -> kCreate -> (kIn | kPause)* -> kOut* -> kStop -> kIdle; any error leads to kStop, one
  // of kCreate to kIdle.
  enum class Step { kIdle, kCreate, kPause, kIn, kOut, kStop };

  void Send(Step step, const grpc::ByteBuffer& request);
  void Went(TimePoint now);
  void Continue(TimePoint now);
  void Stop();
  void End();

  GrpcEnv& env_;
  Pool<GrpcSession>& pool_;
  Step step_ = Step::kIdle;
  Call* call_ = nullptr;
  uint64_t number_ = 0;  // Of the operation.
  bool flying_ = false;  // An operation is under way;
  bool late_ = false;    // it has used up its time.
  std::string session_;  // Of the server's first answer: goes along with all that follows.
  PacketCursor cursor_;
  Packet packet_;
  TimePoint begin_{}, progress_{};
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
  grpc::ByteBuffer reply_;
  grpc::Status status_;
};

}  // namespace aiges
