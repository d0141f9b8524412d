// SPDX-License-Identifier: Apache-2.0
// loader/protocols/oip/counted.h: memory for tensors that did not come as bytes of a body: counted
// as what clients send, and where it is much, memory that the workers can read.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/base/status.h"

namespace aiges::oip {

struct Memory {
  BufferPool* pool;
  Account* account;  // Budget::input.

  // Nothing: there is no room.
  std::optional<Buffer> Take(size_t size) const {
    struct Owner {
      Share share;
      std::shared_ptr<const void> buffer;
    };
    Share share(account);
    if (!share.TrySet(size)) return std::nullopt;
    Buffer buffer = pool->Allocate(size);
    buffer.owner = std::make_shared<const Owner>(Owner{std::move(share), std::move(buffer.owner)});
    return buffer;
  }
  Status NoRoom() const { return Status::Error(StatusKind::kOverloaded, account->Text()); }
};

}  // namespace aiges::oip
