// SPDX-License-Identifier: Apache-2.0
// loader/base/start_state.h: how far the start has come, in a file of the working directory.
//
// Platforms of the earlier loader look into xsf_status/recording of a container: one word, without
// a line's end, the last one said. Written only where the folder xsf_status is, as in our images:
// nobody else finds files that he did not ask for. One that cannot be written is none; it is for
// others. Any thread.
#pragma once

namespace aiges {

inline constexpr char kStateHost[] = "xsf_initializing";  // Configuration is read, ports open next.
inline constexpr char kStateUser[] = "user_initializing";  // The engine starts.
inline constexpr char kStateTrial[] = "bvt_checking";      // An instance has said that it is ready.
inline constexpr char kStateDone[] = "xsf_done";           // Calls are taken.

// Readers find the old word or the new one, never half of it.
void TellState(const char* state);

}  // namespace aiges
