// SPDX-License-Identifier: Apache-2.0
// loader/worker/own_process.h: keeps a fork of user code off the channel.
//
// A hook may fork: for exec, or for a child that ends by itself, as multiprocessing does. A child
// that comes back into our code would go on as a second worker on the same channel and the same
// memory, and give clients each other's answers. It is told by a page that the kernel empties in a
// child, whichever way it was made. Thread-safe after WatchForks.
#pragma once

namespace aiges {

// Once, at the start: before any hook runs. Descriptors of the channel close at exec, and in a
// child of fork.
void WatchForks();

// In a child that user code made: host functions do nothing there.
bool InForkedChild();

// Ends this process where it is such a child. After every return from a hook.
void EndForkedChild();

// The channel has ended. The loader has gone: so does this process. Or a hook has closed
// descriptors that are not its own: then the loader sees the same, says so to the clients, and
// kills this process, which waits for that: its own exit would be told as the engine's.
[[noreturn]] void EndWithoutChannel();

}  // namespace aiges
