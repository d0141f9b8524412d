// SPDX-License-Identifier: Apache-2.0
#include "loader/channel/endpoint.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace aiges {
namespace {

constexpr size_t kReadSize = 256 * 1024;

// Nonsense is found at its header: its length would only be waited for.
bool Plausible(const FrameHeader& header) {
  const bool known = header.type >= FrameType::kHello && header.type <= kLastFrameType;
  return known && header.length <= kMaxFrame &&
         (header.reserved[0] | header.reserved[1] | header.reserved[2]) == 0;
}

}  // namespace

FrameInput::State FrameInput::Fill(int fd, int flags) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > 4 * kReadSize) {  // After a very large frame: do not keep its memory.
      buffer_.resize(kReadSize);
      buffer_.shrink_to_fit();
    }
  } else if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  size_t want = kReadSize;
  if (end_ - begin_ >= sizeof(FrameHeader)) {
    FrameHeader header;
    std::memcpy(&header, buffer_.data() + begin_, sizeof header);
    const size_t whole = sizeof header + header.length;
    const size_t have = end_ - begin_;
    // At most as much as has come already: a length alone is no request for memory.
    if (whole > have + want) want = std::min(whole - have, std::max(want, have));
  }
  if (buffer_.size() < end_ + want) buffer_.resize(end_ + want);
  for (;;) {
    const ssize_t n = ::recv(fd, buffer_.data() + end_, buffer_.size() - end_, flags);
    if (n > 0) {
      end_ += static_cast<size_t>(n);
      return State::kData;
    }
    if (n == 0) return State::kClosed;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? State::kNothing : State::kClosed;
  }
}

bool FrameInput::HasFrame() const {
  if (broken_ || end_ - begin_ < sizeof(FrameHeader)) return false;
  FrameHeader header;
  std::memcpy(&header, buffer_.data() + begin_, sizeof header);
  return Plausible(header) && end_ - begin_ >= sizeof header + header.length;
}

std::optional<Frame> FrameInput::Next() {
  if (broken_ || end_ - begin_ < sizeof(FrameHeader)) return std::nullopt;
  FrameHeader header;
  std::memcpy(&header, buffer_.data() + begin_, sizeof header);
  if (!Plausible(header)) {
    broken_ = true;
    return std::nullopt;
  }
  if (end_ - begin_ < sizeof header + header.length) return std::nullopt;
  Frame frame{header.type, header.id,
              std::string_view(buffer_.data() + begin_ + sizeof header, header.length)};
  begin_ += sizeof header + header.length;
  return frame;
}

FrameInput FrameInput::Unread() const {
  FrameInput rest;
  rest.buffer_.assign(buffer_.begin() + static_cast<ptrdiff_t>(begin_),
                      buffer_.begin() + static_cast<ptrdiff_t>(end_));
  rest.end_ = rest.buffer_.size();
  rest.broken_ = broken_;
  return rest;
}

ptrdiff_t SendSome(int fd, std::string_view data, int flags) {
  size_t sent = 0;
  while (sent < data.size()) {
    const ssize_t n = ::send(fd, data.data() + sent, data.size() - sent, flags | MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return -1;
    }
  }
  return static_cast<ptrdiff_t>(sent);
}

}  // namespace aiges
