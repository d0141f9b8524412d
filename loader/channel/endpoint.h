// SPDX-License-Identifier: Apache-2.0
// loader/channel/endpoint.h: one end of a channel: frames out of a stream socket, bytes into it.
//
// FrameInput gathers what one read brings and hands out whole frames; the views point into its
// buffer and end with the next Fill. Belongs to one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/channel/frame.h"

namespace aiges {

struct Frame {
  FrameType type{};
  uint64_t id = 0;
  std::string_view body;  // A NUL terminated copy is not made: texts inside carry their own.
};

class FrameInput {
 public:
  enum class State { kData, kNothing, kClosed };

  // One read from the socket. kNothing: a non-blocking socket has nothing now.
  // `flags` as for recv (MSG_DONTWAIT).
  State Fill(int fd, int flags);
  // The next whole frame, if there is one.
  std::optional<Frame> Next();
  // Whether Next has one.
  bool HasFrame() const;
  // What was not handed out yet, in memory of its own: views into this one stay.
  FrameInput Unread() const;
  // The peer sent a length that no frame can have: nothing after it can be trusted.
  bool broken() const { return broken_; }

 private:
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  bool broken_ = false;
};

// Sends as much of data as the socket takes; returns the bytes sent, -1 when the peer is gone.
// A blocking socket (flags 0) takes all.
ptrdiff_t SendSome(int fd, std::string_view data, int flags);

}  // namespace aiges
