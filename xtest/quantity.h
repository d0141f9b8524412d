// SPDX-License-Identifier: Apache-2.0
// xtest/quantity.h: amounts as people type them: "50ms", "2m", "0.1%", "100:5000:100".
//
// Pure functions; the text of an error says what was expected and what came, the caller adds where.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"
#include "xtest/plan.h"

namespace aiges {

// A finite number, all of the text. No sign, no spaces, no hexadecimal.
bool ParseNumber(std::string_view text, double* out);
bool ParseWhole(std::string_view text, uint64_t* out);

// "500ms", "1.5s", "2m", "1h", "80us"; a plain number counts in `plain_unit_s` seconds.
Status ParseDuration(std::string_view text, double plain_unit_s, double* seconds);

// "0.1%" or "0.001", as a share from 0 to 1.
Status ParseShare(std::string_view text, double* share);

struct Rate {
  Arrival arrival = Arrival::kConstant;
  std::vector<double> steps;
};
// "5000", a sweep "100:5000:100" (from:to:by, both ends run), either behind "poisson:" or
// "constant:".
Status ParseRate(std::string_view text, Rate* out);

Status ParseProtocol(std::string_view text, Protocol* out);
const char* ProtocolName(Protocol protocol);
const char* ModeName(Mode mode);
const char* ArrivalName(Arrival arrival);

// Nanoseconds for people: "812 us", "12.4 ms", "3.21 s"; always three digits.
std::string ShownNanos(double ns);
// 1234567 -> "1,234,567".
std::string ShownCount(uint64_t n);
// Up to `digits` behind the point, without zeros at the end; never an exponent.
std::string ShownNumber(double value, int digits);

}  // namespace aiges
