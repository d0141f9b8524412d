// SPDX-License-Identifier: Apache-2.0
// loader/front/byte_stream.h: the bytes under a connection: TCP, a unix socket, later TLS.
//
// Reading and writing never wait; who finds nothing waits for a turn in which there is something.
// So an idle connection holds no buffer, and whoever writes gathers what a turn has brought.
// Belongs to its lane. A waiting callback is dropped with the stream.
#pragma once

#include <sys/uio.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <cstddef>
#include <memory>

#include "loader/api/budget.h"
#include "loader/base/move_function.h"

namespace aiges {

class ByteStream {
 public:
  enum class Result {
    kDone,   // n bytes, at least one.
    kAgain,  // Not now: wait.
    kEnd,    // The other side will send no more. Of Read only.
    kLost,   // The connection is broken.
  };
  struct Moved {
    Result result;
    size_t n = 0;
  };
  using Callback = MoveFunction<void()>;

  virtual ~ByteStream() = default;
  virtual Moved Read(char* to, size_t room) = 0;
  virtual Moved Write(const iovec* pieces, size_t count) = 0;
  // One of each at a time. The callback comes from the lane's loop, never from in here, and not at
  // all after Close.
  virtual void WaitReadable(Callback then) = 0;
  virtual void WaitWritable(Callback then) = 0;
  virtual void ShutdownWrite() = 0;  // Says the end, and still reads.
  virtual void Close() = 0;
  // The same, and what the other side has not taken is lost: nobody keeps it any longer.
  virtual void Reset() = 0;
  // Bytes that were written and that the other side has not confirmed.
  virtual size_t Unconfirmed() const = 0;
};

// Over a connected socket of any family. `share`: of the connections, held as long as the stream.
std::unique_ptr<ByteStream> MakeSocketStream(boost::asio::generic::stream_protocol::socket socket,
                                             Share share = {});

}  // namespace aiges
