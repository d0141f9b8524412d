// SPDX-License-Identifier: Apache-2.0
#include "loader/front/growing_bytes.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace aiges {
namespace {

constexpr size_t kFirst = 16 * 1024;
constexpr size_t kGrowth = 4;

}  // namespace

bool GrowingBytes::Reserve(size_t least, uint64_t most) {
  if (room() >= least) return true;
  const size_t need = size_ + least;
  const uint64_t wanted = std::max<uint64_t>({need, kFirst, announced_, size_ * kGrowth});
  const auto size = static_cast<size_t>(std::max<uint64_t>(need, std::min(wanted, most)));
  if (!share_.TrySet(size)) return false;
  Buffer larger = pool_.Allocate(size);
  if (size_ > 0) std::memcpy(larger.data, buffer_.data, size_);
  buffer_ = std::move(larger);
  return true;
}

bool GrowingBytes::Append(std::string_view data, uint64_t most) {
  if (!Reserve(data.size(), most)) return false;
  if (!data.empty()) std::memcpy(end(), data.data(), data.size());
  Added(data.size());
  return true;
}

Bytes GrowingBytes::Take() {
  if (size_ == 0) return {std::string_view("", 0), nullptr};
  struct Held {
    std::shared_ptr<const void> memory;
    Share share;
  };
  const std::string_view view(buffer_.data, std::exchange(size_, size_t{0}));
  return {view, std::make_shared<Held>(Held{std::exchange(buffer_, {}).owner,
                                            std::exchange(share_, Share(account_))})};
}

}  // namespace aiges
