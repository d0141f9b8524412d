// SPDX-License-Identifier: Apache-2.0
// loader/base/version.h: the version that -v prints and pages show; pyproject.toml has it.
#pragma once

namespace aiges {

extern const char* const kHostVersion;

}  // namespace aiges
