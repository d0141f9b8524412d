// SPDX-License-Identifier: Apache-2.0
#include "loader/front/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

namespace aiges {
namespace {

// zlib's "windowBits": the largest window, and 16 more for gzip's head and sum.
constexpr int kWindow = 15, kGzip = 16;

}  // namespace

struct Unpacker::Stream {
  z_stream z{};
  bool ready = false;
  ~Stream() {
    if (ready) ::inflateEnd(&z);
  }
};

Unpacker::Unpacker(Coding coding, Bytes input, uint64_t most, BufferPool* pool, Account* account)
    : input_(std::move(input)),
      most_(most),
      out_(pool, account),
      stream_(std::make_unique<Stream>()) {
  z_stream& z = stream_->z;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
  z.avail_in = static_cast<uInt>(input_.size());
  const int window = coding == Coding::kGzip ? kWindow + kGzip : kWindow;
  stream_->ready = ::inflateInit2(&z, window) == Z_OK;
}

Unpacker::~Unpacker() = default;

Packing Unpacker::Step() {
  if (!stream_->ready) return Packing::kNoRoom;
  z_stream& z = stream_->z;
  for (size_t made = 0; made < kStep;) {
    // One byte more than is allowed, so as to see it.
    if (!out_.Reserve(1, most_ + 1)) return Packing::kNoRoom;
    const size_t room = std::min(out_.room(), kStep - made);
    z.next_out = reinterpret_cast<Bytef*>(out_.end());
    z.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&z, Z_NO_FLUSH);
    const size_t got = room - z.avail_out;
    out_.Added(got);
    made += got;
    if (out_.size() > most_) return Packing::kTooLong;
    if (result == Z_STREAM_END) return z.avail_in == 0 ? Packing::kDone : Packing::kBroken;
    if (result == Z_MEM_ERROR) return Packing::kNoRoom;
    if (result != Z_OK || (got == 0 && z.avail_in == 0)) return Packing::kBroken;
  }
  return Packing::kMore;
}

struct Packer::Stream {
  z_stream z{};
  bool ready = false;
  ~Stream() {
    if (ready) ::deflateEnd(&z);
  }
};

Packer::Packer(std::vector<Bytes> pieces, BufferPool* pool, Account* account, Coding coding)
    : pieces_(std::move(pieces)), out_(pool, account), stream_(std::make_unique<Stream>()) {
  constexpr int kMemory = 8;  // zlib's default: 256 KiB.
  const int window = coding == Coding::kGzip ? kWindow + kGzip : kWindow;
  stream_->ready = ::deflateInit2(&stream_->z, Z_BEST_SPEED, Z_DEFLATED, window, kMemory,
                                  Z_DEFAULT_STRATEGY) == Z_OK;
}

Packer::~Packer() = default;

Packing Packer::Step() {
  if (!stream_->ready) return Packing::kNoRoom;
  z_stream& z = stream_->z;
  size_t left = kStep;
  for (;;) {
    if (z.avail_in == 0 && next_ < pieces_.size()) {
      z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(pieces_[next_].data()));
      z.avail_in = static_cast<uInt>(pieces_[next_++].size());
    }
    if (!out_.Reserve(1, UINT64_MAX)) return Packing::kNoRoom;
    const uInt all = z.avail_in, now = static_cast<uInt>(std::min<size_t>(all, left));
    const bool last = now == all && next_ == pieces_.size();
    const size_t room = out_.room();
    z.avail_in = now;
    z.next_out = reinterpret_cast<Bytef*>(out_.end());
    z.avail_out = static_cast<uInt>(room);
    const int result = ::deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
    out_.Added(room - z.avail_out);
    left -= now - z.avail_in;
    z.avail_in += all - now;
    if (result == Z_STREAM_END) return Packing::kDone;
    if (left == 0) return Packing::kMore;
  }
}

}  // namespace aiges
