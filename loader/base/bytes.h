// SPDX-License-Identifier: Apache-2.0
// loader/base/bytes.h: an immutable run of bytes and whoever keeps it alive.
//
// Copying shares the bytes. The owner is released when the last copy goes, on whichever thread
// that happens, so an owner's deleter must be thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace aiges {

class Bytes {
 public:
  Bytes() = default;
  Bytes(std::string_view view, std::shared_ptr<const void> owner)
      : view_(view), owner_(std::move(owner)) {}

  // Takes the string over.
  static Bytes Own(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    return {std::string_view(*owner), owner};
  }

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

}  // namespace aiges
