// SPDX-License-Identifier: Apache-2.0
// loader/channel/guard.h: how the loader and its guard talk about the helpers of workers.
//
// Overview. A plugin starts programs, and they must not outlive its worker, whatever group or
// session they have moved to, and also when the loader was killed. So each worker, and with it all
// that it starts, carries a token in its environment (kOwnerVariable), and one small process, the
// guard (aiges-worker --guard), outlives the loader by the moment that it takes to end what still
// carries a token of its workers, and what descends from such a process.
//
// The loader holds one end of a stream socket, the guard has the other one as descriptor 0. Lines
// to the guard: "+<pid> <token>" a worker has started, "-<pid> <token>" it is dead: end its
// helpers. The end of the stream: the loader is gone, end everything. Nothing comes back but the
// end of the stream, when the guard is done.
// A token ends with kTokenEnd, so that none is the beginning of another. Loaders inside workers
// of others append theirs.
#pragma once

namespace aiges {

inline constexpr char kGuardArgument[] = "--guard";
inline constexpr char kOwnerVariable[] = "AIGES_OWNER";
inline constexpr char kTokenEnd = ';';

}  // namespace aiges
