// SPDX-License-Identifier: Apache-2.0
// loader/worker/guard.h: the process that ends the helpers of dead workers (channel/guard.h).
//
// It may wait: nobody waits for it. It has no threads, and nothing of the loader but one socket.
#pragma once

namespace aiges {

// Goes into the background, and ends when the loader is gone and nothing of it is left.
[[noreturn]] void RunGuard();

}  // namespace aiges
