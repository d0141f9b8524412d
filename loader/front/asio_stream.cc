// SPDX-License-Identifier: Apache-2.0
#include "loader/front/asio_stream.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <vector>

namespace aiges {
namespace {

namespace asio = boost::asio;

AsioStream::ErrorCode CodeOf(ByteStream::Result result) {
  if (result == ByteStream::Result::kDone) return {};
  if (result == ByteStream::Result::kEnd) return asio::error::eof;
  return asio::error::connection_reset;
}

}  // namespace

// Kept by the stream's callbacks, too.
struct AsioStream::State : std::enable_shared_from_this<State> {
  State(std::unique_ptr<ByteStream> s, std::string b, asio::io_context* loop)
      : stream(std::move(s)), begun(std::move(b)), io(*loop) {}

  // From a turn of its own: never from within what starts an operation.
  void Later(Done done, ErrorCode ec, size_t n) {
    asio::post(io, [done = std::move(done), ec, n]() mutable { done(ec, n); });
  }

  void WaitRead() {
    stream->WaitReadable([self = shared_from_this()] { self->OnReadable(); });
  }
  void OnReadable() {
    if (!read) return;
    char* const data = static_cast<char*>(into.data());
    const ByteStream::Moved got = stream->Read(data, into.size());
    if (got.result == ByteStream::Result::kAgain) return WaitRead();
    if (tearing && got.result == ByteStream::Result::kDone) return WaitRead();
    std::exchange(read, nullptr)(CodeOf(got.result), got.n);
  }

  void WaitWrite() {
    stream->WaitWritable([self = shared_from_this()] { self->OnWritable(); });
  }
  void OnWritable() {
    if (!write) return;
    const ByteStream::Moved put = stream->Write(pieces.data(), pieces.size());
    if (put.result == ByteStream::Result::kAgain) return WaitWrite();
    std::exchange(write, nullptr)(CodeOf(put.result), put.n);
  }

  void Close() {
    stream->Close();
    if (read) Later(std::exchange(read, nullptr), asio::error::operation_aborted, 0);
    if (write) Later(std::exchange(write, nullptr), asio::error::operation_aborted, 0);
  }

  const std::unique_ptr<ByteStream> stream;
  std::string begun;
  asio::io_context& io;
  asio::mutable_buffer into;
  std::vector<iovec> pieces;
  Done read, write;      // While it waits.
  bool tearing = false;  // What is read is nobody's.
  char nobody[1024];
};

AsioStream::AsioStream(std::unique_ptr<ByteStream> stream, std::string begun, asio::io_context* io)
    : state_(std::make_shared<State>(std::move(stream), std::move(begun), io)) {}

AsioStream::executor_type AsioStream::get_executor() { return state_->io.get_executor(); }

void AsioStream::StartRead(asio::mutable_buffer into, Done done) {
  State& s = *state_;
  if (into.size() == 0) return s.Later(std::move(done), {}, 0);
  if (!s.begun.empty()) {
    const size_t n = std::min(into.size(), s.begun.size());
    std::memcpy(into.data(), s.begun.data(), n);
    s.begun.erase(0, n);
    return s.Later(std::move(done), {}, n);
  }
  s.into = into;
  s.read = std::move(done);
  s.WaitRead();
}

void AsioStream::StartWrite(const iovec* pieces, size_t count, Done done) {
  State& s = *state_;
  if (count == 0) return s.Later(std::move(done), {}, 0);
  const ByteStream::Moved put = s.stream->Write(pieces, count);
  if (put.result != ByteStream::Result::kAgain) {
    return s.Later(std::move(done), CodeOf(put.result), put.n);
  }
  s.pieces.assign(pieces, pieces + count);
  s.write = std::move(done);
  s.WaitWrite();
}

void AsioStream::StartTeardown(Done done) {
  State& s = *state_;
  s.stream->ShutdownWrite();
  s.tearing = true;
  s.into = asio::mutable_buffer(s.nobody, sizeof s.nobody);
  s.read = [state = state_, done = std::move(done)](ErrorCode ec, size_t n) mutable {
    state->stream->Close();
    done(ec == asio::error::eof ? ErrorCode() : ec, n);
  };
  s.WaitRead();
}

void AsioStream::Close() { state_->Close(); }
void AsioStream::Reset() {
  state_->stream->Reset();
  state_->Close();
}
size_t AsioStream::Unconfirmed() const { return state_->stream->Unconfirmed(); }

}  // namespace aiges
