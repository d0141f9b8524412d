// SPDX-License-Identifier: Apache-2.0
// loader/front/grpc_call.h: an Exchange as a gRPC call: messages in, messages out, a status.
//
// Overview. Who serves a method derives from GrpcCall. It is told of each message in order,
// unpacked; Send and Finish answer. What is wrong with the protocol itself (kind of content,
// coding, framing, too many or too few messages of a unary call) ends the call before the method
// hears of it; so does a client that takes its time over a message while memory is short. Messages
// are unpacked in steps between which the lane serves others. Flow control:
// what has come is taken at once, unless the call is paused; see Exchange for answers. Ownership
// and threads: as any Responder. Finish may be called once; what follows is dropped.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/front/exchange.h"
#include "loader/front/grpc_frames.h"
#include "loader/front/grpc_status.h"
#include "loader/front/gzip.h"
#include "loader/front/pace.h"

namespace aiges {

struct GrpcEnv {
  uint64_t most;  // Bytes of one message.
  BufferPool* buffers;
  Budget* budget;
};

// Answers a request that is no call of gRPC, or that cannot be served whatever its method: false.
bool CheckGrpcHead(Exchange* exchange);
// An answer that is nothing but a status.
void RefuseGrpc(Exchange* exchange, const GrpcStatus& status);

class GrpcCall : public Responder {
 public:
  enum class Kind { kUnary, kStream };  // Of the request: one message, or any number.

  // A head that CheckGrpcHead has let pass.
  GrpcCall(std::shared_ptr<Exchange> exchange, Kind kind, const GrpcEnv* env);

  void OnBody(std::string_view piece) final;
  void OnBodyEnd(const Fields& trailers) final;
  void OnRoom() final;

 protected:
  // A unary call: once, when the client has said all. Not called after Finish.
  virtual void OnMessage(Bytes message) = 0;
  virtual void OnMessagesEnd() {}
  // A stream's client has said when it gives up, and that is now. A unary call has no alarm: who
  // executes it knows its deadline.
  virtual void OnDeadline();
  // After a Send that returned false: it may go on.
  virtual void OnWritable() {}

  const RequestHead& head() const { return exchange_->head(); }
  const std::shared_ptr<Exchange>& exchange() const { return exchange_; }
  // When the client gives up; max() where it does not say.
  TimePoint deadline() const { return deadline_; }

  // Before the first Send: messages of the answer are compressed, if the client takes that and it
  // is worth it.
  void PackAnswers();
  // Before the first Send or Finish: metadata of the answer.
  void AddMetadata(const Fields& metadata) { metadata_.Append(metadata); }
  // The head without a message, where none has been sent.
  void SendHead();
  // One message, in pieces. False: wait for OnWritable.
  bool Send(std::vector<Bytes> pieces);
  // What was sent is sent first.
  void Finish(const GrpcStatus& status, const Fields& trailers = {});
  // While paused at most a window of the client's messages comes.
  void Pause() { paused_ = true; }
  void Resume();

 private:
  void Read(std::string_view piece);
  void CheckPace();
  void Deliver(Bytes message);
  void Step();  // Unpacks.
  void SayEnd();
  void PackStep();
  void TellWritable();
  void SendFrame(const std::vector<Bytes>& pieces, bool packed);
  void SendEnd(const GrpcStatus& status, const Fields& trailers);

  const std::shared_ptr<Exchange> exchange_;
  const Kind kind_;
  const GrpcEnv& env_;
  const Coding coding_;
  TimePoint deadline_;
  std::unique_ptr<Lane::Alarm> alarm_;
  GrpcReader reader_;
  std::list<GrpcMessage> waiting_;  // Behind one that is being unpacked.
  std::unique_ptr<Unpacker> unpacker_;
  std::optional<Bytes> only_;  // The message of a unary call.
  size_t untaken_ = 0;
  std::unique_ptr<Lane::Alarm> pace_alarm_;  // While half a message is here.
  Pace pace_;
  uint64_t received_ = 0;

  // Messages of the answer behind one that is being packed; the first one's pieces are its
  // packer's.
  std::list<std::vector<Bytes>> unsent_;
  std::unique_ptr<Packer> packer_;
  Share unsent_share_;                                // Of their bytes.
  Fields metadata_;                                   // Of the head.
  std::optional<std::pair<GrpcStatus, Fields>> end_;  // Behind them.
  bool packs_ = false, wants_room_ = false, exchange_full_ = false;
  bool paused_ = false, ended_ = false, head_sent_ = false, finished_ = false;
};

}  // namespace aiges
