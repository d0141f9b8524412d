// SPDX-License-Identifier: Apache-2.0
// xtest/grpc_stream.h: one bidirectional call of /aiges.v1.Stream/Run. Belongs to one client
// thread.
#pragma once

#include <memory>
#include <optional>

#include "xtest/grpc_env.h"

namespace aiges {

class GrpcStream final : public Sleeper, public Expiring {
 public:
  GrpcStream(GrpcEnv* env, Pool<GrpcStream>* pool) : env_(*env), pool_(*pool) {}

  void Start(Call* call);
  void Cancel();
  void Wake(TimePoint now) override;
  bool Waits(uint64_t number) const override { return call_ != nullptr && number == number_; }
  void Expire() override;

 private:
  template <void (GrpcStream::*kMethod)(bool)>
  class Event : public GrpcEvent {
   public:
    explicit Event(GrpcStream* stream) : stream_(stream) {}
    void Next(bool ok) override { (stream_->*kMethod)(ok); }

   private:
    GrpcStream* stream_;
  };

  void OnOpened(bool ok);
  void OnWrote(bool ok);
  void OnRead(bool ok);
  void OnFinished(bool ok);
  void Write(TimePoint now);
  void MaybeFinish();
  void Watch();

  GrpcEnv& env_;
  Pool<GrpcStream>& pool_;
  Call* call_ = nullptr;
  uint64_t number_ = 0;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer message_;
  grpc::Status status_;
  PacketCursor cursor_;
  Packet packet_;
  TimePoint begin_{}, progress_{}, watch_at_{};
  bool once_ = false;
  bool writing_ = false, reading_ = false, paused_ = false;
  bool finishing_ = false;
  bool late_ = false;     // A once call has used up its time.
  bool over_ = false;     // The last output came, or an error.
  bool watched_ = false;  // Among the pauses because of its silence.
  Event<&GrpcStream::OnOpened> opened_{this};
  Event<&GrpcStream::OnWrote> wrote_{this};
  Event<&GrpcStream::OnRead> read_{this};
  Event<&GrpcStream::OnFinished> finished_{this};
};

}  // namespace aiges
