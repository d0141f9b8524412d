// SPDX-License-Identifier: Apache-2.0
// loader/front/h2_connection.h: one HTTP/2 connection of a client: bytes in, Exchanges out, and
// back.
//
// Overview. nghttp2 knows the protocol: frames, HPACK, windows, states of streams. This class moves
// its bytes, makes an Exchange of each stream, and bounds what a client can cost. All that a turn
// of the lane brings for all streams leaves in one write. While nothing waits to be written an idle
// connection holds nghttp2's state and no buffer.
//
// What is written by others never calls nghttp2: it is noted at its stream (h2_stream.h), and the
// connection passes it on in Flush, which nghttp2's own callbacks cannot interrupt.
//
// Bounds. A head: H2Limits::head_bytes; a longer one is an Exchange with a flaw, and costs no other
// call. Bodies coming in: the windows. Answers: Budget::output, and the pace of the client. Frames
// that cost more than they bring (pings, settings, resets, empty data, broken heads) are counted
// against what the connection has done of use; who has too many is told ENHANCE_YOUR_CALM.
//
// Ownership: shared by the lane's list, from which it takes itself (Env::closed), and by what it
// waits for. Threads: the lane's, all of it.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/budget.h"
#include "loader/base/clock.h"
#include "loader/base/move_function.h"
#include "loader/front/byte_stream.h"
#include "loader/front/exchange.h"
#include "loader/front/h2_data_heads.h"
#include "loader/front/out_queue.h"

struct nghttp2_session;

namespace aiges {

struct H2Limits {
  uint32_t streams = 4096;                // At a time.
  uint32_t stream_window = 256 * 1024;    // What a stream may send before it is taken.
  uint32_t all_window = 4 * 1024 * 1024;  // The same of all streams, between two turns.
  uint32_t frame = 16 * 1024;             // The longest that the client may send: HTTP/2's least.
  uint32_t head_bytes = 16 * 1024;        // As Fields::cost counts.
  Duration handshake = std::chrono::seconds(20);   // Until the client's preface and settings.
  Duration ping_after = std::chrono::seconds(30);  // Of silence: is anybody there?
  Duration ping_timeout = std::chrono::seconds(10);
  Duration idle = std::chrono::hours(1);           // Without an exchange.
  Duration stall = std::chrono::seconds(75);       // Without taking a byte of what waits.
  Duration stall_short = std::chrono::seconds(2);  // The same while Budget::output is short.
  Duration age{0};                                // 0: any. Else the client is asked to come again.
  Duration age_grace = std::chrono::seconds(60);  // For what is open then.
};

class H2Stream;

class H2Connection : public std::enable_shared_from_this<H2Connection> {
 public:
  struct Env {
    Lane* lane;
    Handler* handler;
    Budget* budget;
    H2Limits limits;
    // Where all connections of the lane read to.
    char* scratch;
    size_t scratch_size;
    MoveFunction<void(H2Connection*)> closed;  // In a turn of its own or in Close.
    // From now on it has no exchange, or one: it may be closed for another one, or not. May be
    // empty. Not told after `closed`.
    MoveFunction<void(H2Connection*, bool)> resting = nullptr;
  };

  // The environment outlives the connection.
  H2Connection(std::unique_ptr<ByteStream> stream, Peer peer, Env* env);
  ~H2Connection();

  // `begun`: what whoever looked at the first bytes has read of them.
  void Start(std::string_view begun);
  // No new exchanges, and an end when those that are open are over. Idempotent.
  void GoAway();
  // Ends it now; what is open is over as kGone.
  void Close();
  // Called some times a second.
  void CheckTime(TimePoint now);

  size_t exchanges() const { return streams_.size(); }

 private:
  friend class H2Stream;
  friend struct H2Callbacks;  // nghttp2's calls (h2_session.cc).

  enum class State {
    kOpen,
    kLingering,  // All is said and written; waits for the client's end.
    kClosed,
  };
  enum class Leaving {
    kNo,
    kNotice,  // The client has been told, but what it has sent meanwhile is still taken.
    kLast,    // The last stream has been named.
  };

  bool MakeSession();
  void Wait();
  void OnReadable();
  void Receive(std::string_view bytes);
  void Feed(std::string_view bytes);
  void Linger();

  // Bytes out.
  void Wake();  // Flush, in a turn to come.
  void Flush();
  void PassOn();
  void Gather();
  bool Write();
  void TellRoom();
  void NameLast();
  void CheckStalled(TimePoint now, Duration stall);

  // What is made ready before it can be written. Frames that nghttp2 makes by itself (answers to
  // pings and settings) wait in it beyond that, where it counts them.
  static constexpr size_t kReady = 256 * 1024;
  static constexpr size_t kPrefaceSize = 24;
  // The ping that tells when the client has seen that it is to go.
  static constexpr uint8_t kLeaveMark[8] = {'a', 'i', 'g', 'e', 's', 'b', 'y', 'e'};

  // Of nghttp2's calls.
  int OnBeginFrame(uint8_t type, uint8_t flags, size_t length);
  // For a stream that its client has ended, a head is the end of the connection, and data an error
  // of the stream (RFC 9113, section 5.1).
  void CheckClosed(uint8_t type, int32_t id);
  void Abandon(int32_t id);
  void OnHead(H2Stream* stream, bool ended);
  void OnPong(const uint8_t* data);
  void OnClose(int32_t id, uint32_t error);
  void Remove(H2Stream* stream, Over how);
  void SayResting(bool resting);
  void Earn(int points);
  // More than the client has earned: false, and the end of the connection.
  bool Spend(int points);

  const std::unique_ptr<ByteStream> stream_;
  const std::shared_ptr<const Peer> peer_;
  Env& env_;
  nghttp2_session* session_ = nullptr;
  State state_ = State::kOpen;
  Leaving leaving_ = Leaving::kNo;
  bool broken_ = false;       // nghttp2 goes on no more.
  bool settled_ = false;      // The client's settings have come.
  bool waits_write_ = false;  // For room in the socket.
  bool wakes_ = false;        // A Flush has been posted.
  bool flushing_ = false;
  bool receiving_ = false;  // A Flush follows.
  bool name_last_ = false;  // The client knows that it is to go.
  bool told_calm_ = false;
  bool wrote_ = false;  // Since the last CheckTime.

  std::vector<std::shared_ptr<H2Stream>> streams_;
  std::vector<std::shared_ptr<H2Stream>> dirty_;  // Have something for nghttp2.
  std::vector<std::shared_ptr<H2Stream>> roomy_;  // Wait for OnRoom, and have room.

  DataHeads data_heads_{kPrefaceSize};
  int32_t last_opened_ = 0;
  // Streams that ended before their client had said all, the last ones; up to forgotten_ nobody
  // knows.
  static constexpr size_t kMostAbandoned = 256;
  std::set<int32_t> abandoned_;
  int32_t forgotten_ = 0;

  OutQueue out_;
  Share output_;  // Of out_.
  TimePoint begun_, last_read_, last_write_, idle_since_, pinged_, left_;
  Duration age_limit_;
  bool ping_out_ = false;
  int64_t points_;  // Left to spend.
  TimePoint points_since_;
};

}  // namespace aiges
