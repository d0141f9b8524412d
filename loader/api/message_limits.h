// SPDX-License-Identifier: Apache-2.0
// loader/api/message_limits.h: how many parts one message of a client may have.
//
// Each part costs memory many times its size on the wire, and time of a thread that serves others.
// Far above what clients send; a message with more is refused as a whole, kInvalid.
#pragma once

#include <cstddef>

namespace aiges {

inline constexpr size_t kMostPayloads = 4096;
inline constexpr size_t kMostExpected = 1024;
// Entries of all maps of a message together: params, headers, attributes.
inline constexpr size_t kMostPairs = 16'384;
// Bytes of a handle that a client makes up: those of the last sessions are remembered.
inline constexpr size_t kLongestHandle = 256;
// Numbers of resources that a call may name.
inline constexpr size_t kMostPsrIds = 1024;
// Input streams (payload keys) of one session that have not ended.
inline constexpr size_t kMostOpenStreams = 4096;

}  // namespace aiges
