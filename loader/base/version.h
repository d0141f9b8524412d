// loader/base/version.h: the version that -v prints and pages show.
#pragma once

namespace aiges {

inline constexpr const char* kHostVersion = "0.1.0";

}  // namespace aiges
