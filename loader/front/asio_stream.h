// SPDX-License-Identifier: Apache-2.0
// loader/front/asio_stream.h: a ByteStream as Asio and Beast want one: operations with handlers.
//
// One read and one write at a time. Handlers are called from the loop, and all of them: those that
// wait when it is closed, with operation_aborted. Belongs to the lane.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "loader/base/move_function.h"
#include "loader/front/byte_stream.h"

namespace aiges {

class AsioStream {
 public:
  using executor_type = boost::asio::io_context::executor_type;
  using ErrorCode = boost::system::error_code;
  using Done = MoveFunction<void(ErrorCode, size_t)>;

  // `begun`: what has been read of the stream already.
  AsioStream(std::unique_ptr<ByteStream> stream, std::string begun, boost::asio::io_context* io);

  executor_type get_executor();
  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(ErrorCode, size_t)>(
        [this](auto done, const Buffers& into) {
          boost::asio::mutable_buffer first;
          for (auto i = boost::asio::buffer_sequence_begin(into);
               i != boost::asio::buffer_sequence_end(into) && first.size() == 0; ++i) {
            first = *i;
          }
          StartRead(first, std::move(done));
        },
        handler, buffers);
  }
  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(ErrorCode, size_t)>(
        [this](auto done, const Buffers& from) {
          iovec pieces[kPieces];
          size_t count = 0;
          for (auto i = boost::asio::buffer_sequence_begin(from);
               i != boost::asio::buffer_sequence_end(from) && count < kPieces; ++i) {
            const boost::asio::const_buffer piece = *i;
            if (piece.size() > 0) pieces[count++] = {const_cast<void*>(piece.data()), piece.size()};
          }
          StartWrite(pieces, count, std::move(done));
        },
        handler, buffers);
  }
  // Says our end, waits for the other side's, and closes.
  void StartTeardown(Done done);

  void Close();
  void Reset();
  size_t Unconfirmed() const;

 private:
  static constexpr size_t kPieces = 16;
  struct State;

  void StartRead(boost::asio::mutable_buffer into, Done done);
  void StartWrite(const iovec* pieces, size_t count, Done done);

  const std::shared_ptr<State> state_;
};

}  // namespace aiges
