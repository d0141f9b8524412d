// SPDX-License-Identifier: Apache-2.0
// tests/loader/exchange_recorder.h: a protocol that keeps what it is told, and things it needs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/front/byte_stream.h"
#include "loader/front/exchange.h"
#include "loader/front/gzip.h"

namespace aiges {

class HeapPool final : public BufferPool {
 public:
  Buffer Allocate(size_t size) override {
    std::shared_ptr<char[]> memory(new char[size]);
    return {memory.get(), size, memory};
  }
};

// The whole of it, counted nowhere.
inline Bytes PackGzip(const Bytes& input) {
  HeapPool pool;
  Packer packer({input}, &pool, nullptr);
  while (packer.Step() == Packing::kMore) {
  }
  return packer.Take();
}

// What a protocol was told of an exchange.
struct Seen {
  std::shared_ptr<Exchange> exchange;
  std::string body;
  std::string trailers;  // "name: value\n".
  bool ended = false;
  int rooms = 0;
  std::optional<Over> over;
};

// Keeps what comes. `take`: says Took for it at once. `on_end`: to answer with.
class Recorder final : public Handler {
 public:
  std::vector<std::shared_ptr<Seen>> all;
  bool take = true;
  std::function<void(Exchange&)> on_begin, on_end;

  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override {
    auto seen = std::make_shared<Seen>();
    seen->exchange = std::move(exchange);
    all.push_back(seen);
    if (on_begin) on_begin(*seen->exchange);
    return std::make_unique<One>(seen, this);
  }

 private:
  struct One final : Responder {
    One(std::shared_ptr<Seen> s, Recorder* o) : seen(std::move(s)), owner(*o) {}
    void OnBody(std::string_view piece) override {
      seen->body.append(piece);
      if (owner.take) seen->exchange->Took(piece.size());
    }
    void OnBodyEnd(const Fields& trailers) override {
      seen->ended = true;
      for (const Fields::Field f : trailers) {
        seen->trailers.append(f.name).append(": ").append(f.value).append("\n");
      }
      if (owner.on_end) owner.on_end(*seen->exchange);
    }
    void OnRoom() override { ++seen->rooms; }
    void OnOver(Over how) override { seen->over = how; }
    std::shared_ptr<Seen> seen;
    Recorder& owner;
  };
};

// Forwards, and counts.
class CountedStream final : public ByteStream {
 public:
  CountedStream(std::unique_ptr<ByteStream> inner, int* writes)
      : inner_(std::move(inner)), writes_(*writes) {}
  Moved Read(char* to, size_t room) override { return inner_->Read(to, room); }
  Moved Write(const iovec* pieces, size_t count) override {
    ++writes_;
    return inner_->Write(pieces, count);
  }
  void WaitReadable(Callback then) override { inner_->WaitReadable(std::move(then)); }
  void WaitWritable(Callback then) override { inner_->WaitWritable(std::move(then)); }
  void ShutdownWrite() override { inner_->ShutdownWrite(); }
  void Close() override { inner_->Close(); }
  void Reset() override { inner_->Reset(); }
  size_t Unconfirmed() const override { return inner_->Unconfirmed(); }

 private:
  const std::unique_ptr<ByteStream> inner_;
  int& writes_;
};

}  // namespace aiges
