// SPDX-License-Identifier: Apache-2.0
// loader/front/prpc_connection.h: one connection of baidu_std (prpc_frames.h): frames in, Exchanges
// out, and back.
//
// A frame that calls method M of service S is the Exchange of a unary gRPC call of /S/M: who serves
// that serves both, and knows of no difference. Calls of one connection run at the same time and
// are answered in the order in which they end; the client knows them by their numbers.
//
// What a client may cost is bounded: kMostCalls at a time, a window of a message that has not been
// taken, and what it says ahead of that is read when there is room. A frame that is none ends the
// connection: nothing behind it could be told apart.
//
// Ownership: shared by the lane's list, from which it takes itself (Env::closed), and by what it
// waits for. Threads: the lane's, all of it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "loader/api/budget.h"
#include "loader/base/clock.h"
#include "loader/base/move_function.h"
#include "loader/front/byte_stream.h"
#include "loader/front/exchange.h"
#include "loader/front/out_queue.h"
#include "loader/front/paced_writer.h"
#include "loader/front/prpc_frames.h"

namespace aiges {

struct PrpcLimits {
  uint32_t head_bytes = 32 * 1024;           // Unused: kMostPrpcMeta bounds what is one here.
  uint64_t answer = uint64_t{1} << 31;       // Bytes of an answer, which is held until it is whole.
  size_t window = 256 * 1024;                // Of a message: what may come before it is taken.
  Duration idle = std::chrono::seconds(75);  // Between two calls.
  Duration read = std::chrono::seconds(30);  // For a frame's meta, from its first byte.
  Duration stall = std::chrono::seconds(75);  // In which some of what waits must be taken.
  Duration age{0};                            // 0: any. Else it ends when nothing is in hand.
};

class PrpcExchange;

class PrpcConnection : public std::enable_shared_from_this<PrpcConnection> {
 public:
  struct Env {
    Lane* lane;
    Handler* handler;
    Budget* budget;
    PrpcLimits limits;
    // Where all connections of the lane read to.
    char* scratch;
    size_t scratch_size;
    MoveFunction<void(PrpcConnection*)> closed;
    MoveFunction<void(PrpcConnection*, bool)> resting = nullptr;
  };
  static constexpr size_t kMostCalls = 128;

  // The environment outlives the connection.
  PrpcConnection(std::unique_ptr<ByteStream> stream, Peer peer, Env* env);
  ~PrpcConnection();

  // `begun`: what whoever looked at the first bytes has read of them.
  void Start(std::string_view begun);
  // No new calls: it ends when those in hand are answered.
  void Leave();
  // Ends it now; what is open is over as kGone.
  void Close();
  // Called some times a second.
  void CheckTime(TimePoint now);
  bool idle() const { return calls_.empty() && out_.empty() && in_.empty(); }

 private:
  friend class PrpcExchange;
  struct Call {
    std::shared_ptr<PrpcExchange> exchange;
    std::unique_ptr<Responder> responder;
  };
  using Calls = std::list<Call>;
  enum class Part { kHeader, kMeta, kMessage, kAttachment };

  static TimePoint Now() { return std::chrono::steady_clock::now(); }
  bool Receives(const PrpcExchange& exchange) const {
    return receiving_ != nullptr && receiving_->exchange.get() == &exchange;
  }
  void WaitToRead();
  size_t RoomToRead() const;
  void OnReadable();
  void Receive(std::string_view bytes);
  void Read(std::string_view* bytes);
  bool ReadPart(std::string_view* bytes);
  bool BeginCall(std::string_view meta);
  void Refuse(int64_t correlation_id, const GrpcStatus& status);
  void OnPiece(std::string_view piece);
  void OnMessageEnd();
  void OnPartEnd();

  void Wake();
  void Turn();
  void Advance();
  void Finish(Calls::iterator call, Over how);
  bool Write();
  void Count();
  void SayResting();

  std::unique_ptr<ByteStream> stream_;
  const std::shared_ptr<const Peer> peer_;
  Env& env_;
  bool closed_ = false, leaving_ = false, resting_ = false;
  bool waits_read_ = false;
  bool wakes_ = false, turning_ = false;

  std::string in_;  // What has come and cannot be read yet.
  Share input_;     // Of it.
  Part part_ = Part::kHeader;
  PrpcSizes sizes_;
  uint64_t left_ = 0;          // Of the part that is read.
  uint64_t attachment_ = 0;    // Behind the message.
  Call* receiving_ = nullptr;  // Of calls_, with a responder: whose message is read.
  size_t untaken_ = 0;         // Of it.

  Calls calls_;
  OutQueue out_;
  PacedWriter writer_;
  Share output_;
  const TimePoint begun_ = Now();
  const Duration age_limit_;
  TimePoint since_;  // When the frame began, or nothing has been to do.
};

}  // namespace aiges
