// SPDX-License-Identifier: Apache-2.0
// loader/front/h1_connection.h: one HTTP/1.1 connection of a client: bytes in, Exchanges out one
// after the other, and back.
//
// Overview. H1Reader knows the grammar. This class moves the bytes, makes an Exchange of each
// request, and bounds what a client can cost. A request begins when the answer to the one before is
// on its way; what a client sends ahead is kept, up to a bound, and while an exchange is open the
// connection is read, so that the client's end is seen. All that a turn of the lane brings leaves
// in one write. While nothing has come and nothing waits to be written a connection holds no
// buffer.
//
// What cannot be told as an answer ends the connection: requests that break the protocol are
// answered by the connection itself, and a body of which nobody wants the rest is not read.
//
// Ownership: shared by the lane's list, from which it takes itself (Env::closed), and by what it
// waits for. Threads: the lane's, all of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/api/budget.h"
#include "loader/base/clock.h"
#include "loader/base/move_function.h"
#include "loader/front/byte_stream.h"
#include "loader/front/exchange.h"
#include "loader/front/h1_reader.h"
#include "loader/front/http_types.h"
#include "loader/front/out_queue.h"
#include "loader/front/paced_writer.h"

namespace aiges {

struct H1Limits {
  uint32_t head_bytes = 32 * 1024;            // As Fields::cost counts.
  size_t window = 256 * 1024;                 // Of a body: what may come before it is taken.
  Duration idle = std::chrono::seconds(75);   // Between two requests.
  Duration read = std::chrono::seconds(30);   // For a head, from its first byte.
  Duration stall = std::chrono::seconds(75);  // In which some of what waits must be taken.
  Duration age{0};  // 0: any. Else the connection ends with the answer that comes then.
};

class H1Exchange;

class H1Connection : public std::enable_shared_from_this<H1Connection>, private H1Reader::Sink {
 public:
  struct Env {
    Lane* lane;
    Handler* handler;
    Budget* budget;
    H1Limits limits;
    // Where all connections of the lane read to.
    char* scratch;
    size_t scratch_size;
    MoveFunction<void(H1Connection*)> closed;  // In a turn of its own, or in Close.
    // From now on it has nothing to do, or something: it may be closed for another one, or not. May
    // be empty. Not told after `closed`.
    MoveFunction<void(H1Connection*, bool)> resting = nullptr;
  };

  // The environment outlives the connection.
  H1Connection(std::unique_ptr<ByteStream> stream, Peer peer, Env* env);
  ~H1Connection() override;

  // `begun`: what whoever looked at the first bytes has read of them.
  void Start(std::string_view begun);
  // Instead of Start: answers before any request, and ends.
  void Refuse(const HttpResponse& response);
  // No new requests: what is in hand is answered as the last one.
  void Leave() { leaving_ = true; }
  // Ends it now; what is open is over as kGone.
  void Close();
  // Called some times a second.
  void CheckTime(TimePoint now);
  // Has nothing in hand that a client waits for.
  bool idle() const { return state_ != State::kOpen || !busy(); }

 private:
  friend class H1Exchange;

  enum class State {
    kOpen,
    kLingering,  // All is said and written; waits for the client's end.
    kClosed,
  };
  static TimePoint Now() { return std::chrono::steady_clock::now(); }
  // A request has come that has not been begun.
  bool ahead() const { return exchange_ == nullptr && !in_.empty() && !requested_ && !ending_; }
  bool busy() const { return requested_ || exchange_ != nullptr || !out_.empty() || ending_; }

  // Bytes in.
  void WaitToRead();
  size_t RoomToRead() const;
  void OnReadable();
  bool ReadSome(size_t room, bool* more);
  void Discard();
  void Receive(std::string_view bytes);
  void Read(std::string_view* bytes);
  bool Hold(std::string_view bytes);
  void OnHead(bool nothing_behind);
  bool RefuseUpgrade(const RequestHead& head, bool nothing_behind);
  void OnPiece(std::string_view piece) override;
  void OnEnd();
  void Refuse(int status, std::string_view text, int code = 0);

  // Bytes out.
  void Wake();  // Turn, in a turn to come.
  void Turn();
  bool Advance();
  bool ReadHeld();
  void Finish(Over how);
  bool Write();
  void TellRoom();
  void Settle();
  void Linger();
  void Reset();  // Closes at once, and the system keeps nothing for the client.
  std::unique_ptr<ByteStream> HandOver(std::string* begun);
  void Count();
  void SayResting();

  // What may wait to be written before another request is begun.
  static constexpr size_t kReady = 64 * 1024;

  std::unique_ptr<ByteStream> stream_;
  const std::shared_ptr<const Peer> peer_;
  Env& env_;
  H1Reader reader_;
  State state_ = State::kOpen;
  bool waits_read_ = false;
  bool wakes_ = false;      // A Turn has been posted.
  bool turning_ = false;    // One follows, or is under way.
  bool noted_ = false;      // The exchange has something new.
  bool requested_ = false;  // The first byte of a request has come.
  bool received_ = false;   // All of it has.
  bool held_back_ = false;  // in_ has more of its body, which waits until out_ is shorter.
  bool keep_alive_ = true;
  bool leaving_ = false;
  bool ending_ = false;  // What is in out_ is the last.
  bool resting_ = false;

  std::string in_;  // What has come and cannot be read yet.
  Share input_;     // Of it.
  std::shared_ptr<H1Exchange> exchange_;
  std::unique_ptr<Responder> responder_;
  size_t untaken_ = 0;  // Of the body.

  OutQueue out_;
  PacedWriter writer_;
  Share output_;  // Of out_, and of what the exchange holds.
  const TimePoint begun_ = Now();
  const Duration age_limit_;
  TimePoint since_;  // When the request began, or nothing has been to do, or we said our end.
};

}  // namespace aiges
