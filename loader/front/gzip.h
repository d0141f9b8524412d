// SPDX-License-Identifier: Apache-2.0
// loader/front/gzip.h: gzip and deflate in steps.
//
// A few bytes can unpack to very many, so neither memory nor time may be what the sender likes:
// output has a bound, is taken as it comes, and is counted; and one step is done in a fraction of a
// millisecond, so that a lane can serve others between two. What is much is for another thread.
// Belongs to whoever holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/base/bytes.h"
#include "loader/front/growing_bytes.h"

namespace aiges {

enum class Coding { kIdentity, kGzip, kDeflate };  // deflate: the format of zlib (RFC 1950).

enum class Packing {
  kMore,     // Not done yet: step again.
  kDone,     // Take() has it.
  kBroken,   // The input is none of that coding, or does not end where it should.
  kTooLong,  // More than the bound.
  kNoRoom,   // The account is full.
};

class Unpacker {
 public:
  static constexpr size_t kStep = 256 * 1024;  // Bytes of output.

  // The input is kept alive. `most`: bytes of output.
  Unpacker(Coding coding, Bytes input, uint64_t most, BufferPool* pool, Account* account);
  ~Unpacker();
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  Packing Step();
  Bytes Take() { return out_.Take(); }

 private:
  struct Stream;  // zlib's.

  const Bytes input_;
  const uint64_t most_;
  GrowingBytes out_;
  std::unique_ptr<Stream> stream_;
};

// gzip or deflate, at the level that is quick. The output is counted in the account while it is
// made.
class Packer {
 public:
  static constexpr size_t kStep = 64 * 1024;  // Bytes of input: packing is the slower of the two.

  // The pieces are kept alive; together they are the input.
  Packer(std::vector<Bytes> pieces, BufferPool* pool, Account* account,
         Coding coding = Coding::kGzip);
  ~Packer();
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // kMore, kDone or kNoRoom.
  Packing Step();
  Bytes Take() { return out_.Take(); }

 private:
  struct Stream;

  const std::vector<Bytes> pieces_;
  size_t next_ = 0;  // Of pieces_.
  GrowingBytes out_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace aiges
