// SPDX-License-Identifier: Apache-2.0
#include "xtest/sid.h"

namespace aiges {
namespace {

void AppendHex(std::string* out, uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[(value >> shift) & 15]);
  }
}

}  // namespace

SidSource::SidSource(std::string_view sub, uint16_t source)
    : sub_(sub.substr(0, 3)), source_(source) {
  sub_.resize(3, '0');
}

void SidSource::Make(uint64_t unix_ms, std::string* out) {
  out->assign(sub_);
  AppendHex(out, source_, 4);
  AppendHex(out, number_++, 4);
  out->append("@hu");
  AppendHex(out, unix_ms, 11);
  out->append("0001500");
}

}  // namespace aiges
