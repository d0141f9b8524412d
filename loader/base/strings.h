// loader/base/strings.h: text without streams and without fmt headers.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace aiges {

// Ordered key/value text: parameters, attributes, headers, engine configuration.
using Pairs = std::vector<std::pair<std::string, std::string>>;

inline const std::string* Find(const Pairs& pairs, std::string_view key) {
  for (const auto& [k, v] : pairs) {
    if (k == key) return &v;
  }
  return nullptr;
}

namespace internal {
inline void Append(std::string& out, std::string_view part) { out.append(part); }
inline void Append(std::string& out, char part) { out.push_back(part); }
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
void Append(std::string& out, T part) {
  out.append(std::to_string(part));
}
}  // namespace internal

template <class... Parts>
std::string StrCat(const Parts&... parts) {
  std::string out;
  (internal::Append(out, parts), ...);
  return out;
}

// The text of an errno value. Thread-safe.
std::string ErrnoText(int error);

}  // namespace aiges
