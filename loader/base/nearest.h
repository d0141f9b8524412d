// SPDX-License-Identifier: Apache-2.0
// loader/base/nearest.h: the name that somebody probably meant. Pure function; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aiges {

// So many letters are taken for a slip.
inline constexpr unsigned kLettersOff = 2;

// The candidate within `most` letters of `name` (one of them left out, added, changed, or two
// neighbours swapped), the nearest first; empty when there is none. Half a name is never guessed.
std::string Nearest(std::string_view name, const std::vector<std::string>& candidates,
                    unsigned most = kLettersOff);
// What is said of it behind an error: "; did you mean <name>?", "" for an empty one.
std::string DidYouMean(std::string_view nearest);

}  // namespace aiges
