// SPDX-License-Identifier: Apache-2.0
// loader/front/exchange.h: one request and its answer, whatever carried them.
//
// Every transport (HTTP/2, HTTP/1.1, later others) turns what its client says into an Exchange and
// gives it to the front's Handler; every protocol (gRPC, JSON, pages, a contract's own) is a
// Responder that somebody answers with. Neither knows the other. Both bodies come in pieces and may
// be under way at the same time, so calls, streams of either kind and events are all the same.
//
//   transport                              protocol
//     Handler::Begin(exchange)  ------>      looks at exchange->head(), returns a Responder
//     Responder::OnBody, OnBodyEnd ---->     takes the request
//     <------ Exchange::Took                 asks for as much more of it
//     <------ Exchange::Begin, Send, End     answers
//     Responder::OnRoom  ------------->      may send more
//     Responder::OnOver  ------------->      the last that is heard
//
// Ownership: an Exchange is shared by its transport and by whoever answers. After OnOver it is a
// shell: head() is still there, and everything else does nothing. The transport owns the Responder
// and lets it go after OnOver; a Responder may hold its Exchange, and should do so no longer.
// Threads: all of it belongs to the lane of the connection (exchange->lane()). Who answers from
// another thread posts to it.
// Calls: no method of an Exchange calls its Responder; what follows from it is told later, in a
// turn of the lane. So a Responder may call anything from anywhere, also from Begin.
//
// Flow control, both ways, in bytes of the bodies. In: the client may send what has been taken and
// a window more. Bytes that a Responder keeps before it says Took are bounded by that window; what
// it keeps after, it counts in Budget::input itself. Out: Send takes whatever it is given, and
// counts it in Budget::output until the connection has it. Its result says whether to go on: the
// client decides the pace.
//
// Failure: there is none to handle. What cannot be said any more is dropped, and OnOver tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/api/audit.h"
#include "loader/api/models.h"
#include "loader/api/origin.h"
#include "loader/base/bytes.h"
#include "loader/base/clock.h"
#include "loader/base/move_function.h"
#include "loader/front/fields.h"

namespace aiges {

class ByteStream;

// A thread that serves connections, and the door to it for other threads.
class Lane {
 public:
  // Does not ring once it is destroyed. Belongs to the lane.
  class Alarm {
   public:
    virtual ~Alarm() = default;
  };

  virtual ~Lane() = default;
  // Any thread: `letter` runs on the lane, in the order of posting.
  virtual void Post(MoveFunction<void()> letter) = 0;
  // On the lane: `letter` runs there when what others have posted is done, as Post, or sooner. For
  // what gathers the work of many letters.
  virtual void Gather(MoveFunction<void()> letter) { Post(std::move(letter)); }
  // On the lane: `ring` runs there at t, or soon after.
  virtual std::unique_ptr<Alarm> SetAlarm(TimePoint t, MoveFunction<void()> ring) = 0;
};

// The connection that a request came over. Constant after it was accepted.
struct Peer {
  std::string address;      // "127.0.0.1:40000"; "unix" for a socket of the file system.
  bool loopback = false;    // From this machine.
  bool tls = false;         // Nobody in between has read it.
  std::string certificate;  // The name in that of the client, which has been checked; or empty.
  // All names of it with their kinds: "URI:..", "DNS:..", "CN:..", in that order.
  std::vector<std::string> names;
  bool admin = false;       // Came in by [admin] listen.
  uint16_t local_port = 0;  // 0: a unix socket.
};

// What is wrong with a request so that nothing but a refusal can answer it. Its transport has taken
// the rest out of the way; the words are the protocol's.
enum class Flaw {
  kNone,
  kHeadTooLarge,  // The fields are those that fitted.
  kNoRoom,        // The loader holds as much for its clients as it may (Budget::input).
};

struct RequestHead {
  // As HTTP/2 has it, also where it came by another version: ":method", ":scheme", ":authority"
  // (what Host says) and ":path" (with the query, not decoded) first, then the client's own, in
  // lower case and in order. Nothing of the connection: no Connection, Transfer-Encoding, Upgrade.
  Fields fields;
  TimePoint arrived;
  // The length that the client announces; nothing where it does not. 0 is also said of a request
  // that has ended with its head.
  std::optional<uint64_t> length;
  int version = 2;  // 1: HTTP/1.x; its trailers are rare, and some clients of it get none.
  Flaw flaw = Flaw::kNone;
  // HTTP/1.1 that asks for a WebSocket (RFC 6455); see Exchange::TakeOver.
  bool websocket = false;

  std::string_view method() const { return fields.Find(":method"); }
  std::string_view target() const { return fields.Find(":path"); }
  std::string_view path() const { return target().substr(0, target().find('?')); }
};

enum class Over {
  kAnswered,  // The whole answer is on its way.
  kGone,      // The client reset the exchange, or its connection is lost, or was too slow.
  kReset,     // By Exchange::Reset.
  kTaken,     // By Exchange::TakeOver.
};

enum class ResetReason {
  kRefused,   // Nothing has been done: the client may try again, here or elsewhere.
  kCancel,    // Not wanted any more.
  kInternal,  // It cannot be gone on with.
  kCalm,      // The client does too much of something.
  kSlow,      // The client does not take what there is. Not kCancel: clients of gRPC may take that
              // for a call that nobody has looked at, and make it again.
};

// Who asks, as the front has found out before anybody answers.
struct Caller {
  enum class Rank {
    kAnybody,  // Nobody must say who asks.
    kCaller,
    kAdmin,  // May change the service.
  };
  std::string name;  // Empty: nobody said.
  Rank rank = Rank::kAnybody;
  const char* proof = "key";  // By what it is known: "key", "token", "signature", "certificate".
  // Names of models that it may call; nothing: all.
  std::shared_ptr<const std::vector<std::string>> models = {};
  OriginRef origin = {};  // Of the calls that come of what he asks.
  AuditRef audit = {};    // Who is told of what is refused and changed; nothing: nobody.
};

// Where a model is that answers at paths of its own: they begin with the prefix, which it does not
// see.
struct Mount {
  ModelRef model;      // Nothing: the default one, at the root.
  std::string prefix;  // "/m/<name>".
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  const Caller& caller() const { return caller_; }
  void SetCaller(Caller caller) { caller_ = std::move(caller); }
  // Of who asks, what is found out later.
  void SetOrigin(OriginRef origin) { caller_.origin = std::move(origin); }
  void SetAudit(AuditRef audit) { caller_.audit = std::move(audit); }
  const Mount& mount() const { return mount_; }
  void SetMount(Mount mount) { mount_ = std::move(mount); }

  // Whose path it was when it was begun, and so who has been asked whether it may be; nothing:
  // nobody's. Only compared.
  const void* owner() const { return owner_; }
  void SetOwner(const void* owner) { owner_ = owner; }

  virtual const RequestHead& head() const = 0;
  virtual const Peer& peer() const = 0;
  virtual Lane& lane() const = 0;

  // The Responder has done with n bytes of the body, or has counted them elsewhere.
  virtual void Took(size_t n) = 0;

  // The head of the answer: once, before the first Send. `fields` without ":status" and without
  // what is the transport's: Content-Length (it counts, where it can) and Connection.
  virtual void Begin(int status, Fields fields) = 0;
  // A piece of the body. False: there is enough for now, wait for OnRoom.
  virtual bool Send(Bytes piece) = 0;
  // The answer is whole. Trailers reach clients of HTTP/2, and of HTTP/1.1 where they said that
  // they take some. An answer of head and trailers only is a head with both: Begin and End at once.
  virtual void End(Fields trailers = {}) = 0;
  // Ends the exchange here and now; the client sees that the answer is not whole.
  virtual void Reset(ResetReason reason) = 0;

  // Where the head says `websocket`, and nothing has been answered: the connection is the caller's,
  // who answers the request himself. Nothing where that is not so, or the client is gone. `begun`:
  // what has come behind the request.
  virtual std::unique_ptr<ByteStream> TakeOver(std::string* begun) = 0;

  // Bytes of the answer that have been sent and that the connection has not taken.
  virtual size_t pending() const = 0;
  virtual bool over() const = 0;  // OnOver has been told, or is about to be.

 private:
  Caller caller_;
  Mount mount_;
  const void* owner_ = nullptr;
};

class Responder {
 public:
  virtual ~Responder() = default;
  // A piece of the body, good until the call returns. Followed by Took, now or later.
  virtual void OnBody(std::string_view piece) = 0;
  // The client has said everything. Not called where the exchange is over before.
  virtual void OnBodyEnd(const Fields& trailers) = 0;
  // Once after a Send that returned false: most of it is out.
  virtual void OnRoom() {}
  // Once, the last call. After Exchange::Reset it is the next one, too.
  virtual void OnOver(Over how) = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // A head has come whole and well-formed. A client that waits to be told that its body is wanted
  // (Expect: 100-continue) is told so when there is a Responder and no answer yet. Nothing instead
  // of a Responder: nobody listens to the rest; the exchange has been answered or reset then.
  virtual std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) = 0;
};

}  // namespace aiges
