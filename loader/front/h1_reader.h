// SPDX-License-Identifier: Apache-2.0
// loader/front/h1_reader.h: the bytes of HTTP/1.1 requests as heads, pieces of bodies, and ends.
//
// Boost.Beast knows the grammar; here are the rules that it leaves to the server (RFC 9112), so
// that no proxy in front sees another end of a body than this server. What a head comes to is as
// HTTP/2 has it (exchange.h). Belongs to its connection; knows no socket and no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loader/front/exchange.h"

namespace aiges {

class H1Reader {
 public:
  // Who is told of a body: a piece is good until the call returns.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void OnPiece(std::string_view piece) = 0;
  };
  enum class Step {
    kMore,    // What is left of the bytes is wanted again, with more behind it.
    kHead,    // The head is whole; see done().
    kEnd,     // The request is.
    kBroken,  // See error(). Nothing more can be read.
  };
  struct Error {
    int status;
    std::string text;
  };
  // What a head says that is the connection's own.
  struct Manner {
    bool http_1_0 = false;
    bool keep_alive = false;
    bool expects_continue = false;
    bool takes_trailers = false;
  };

  // `head_bytes`: of a head, and of trailers, as Fields::cost counts. `sink` outlives the reader.
  H1Reader(uint32_t head_bytes, Sink* sink);
  ~H1Reader();

  void Next();  // Before the first byte of each request but the first one.
  // Takes from the front of `bytes`, of which there are some.
  Step Take(std::string_view* bytes);
  bool done() const;  // All of the request has come.

  // Once after kHead; without `arrived`. `tls`: of the connection.
  RequestHead TakeHead(bool tls);
  const Manner& manner() const;    // From kHead to Next.
  const Fields& trailers() const;  // From kEnd to Next.
  const Error& error() const;      // After kBroken.

 private:
  struct Said;
  struct State;
  class Grammar;

  Step CheckHead();

  const std::unique_ptr<State> state_;
};

}  // namespace aiges
