// SPDX-License-Identifier: Apache-2.0
// loader/channel/frame.h: the byte layout between loader and worker.
//
// One stream socket per instance carries frames both ways; each is a FrameHeader and `length`
// bytes of body. The kernel wakes the peer, and end-of-file is the notice of its death. Both ends
// are the same build on the same machine, so integers are in native order; kVersion is checked in
// the first frame all the same, because a worker binary can be left over from another build.
//
// Body elements, written by WireWriter and read by WireReader:
//   text   u32 length, bytes, NUL (the NUL lets the worker point C strings into the frame)
//   pairs  u32 count, then count x (text key, text value)
//   data   u8 place; kInline: u32 length, bytes, NUL; kShared: u64 offset, u64 length into the
//          sender's shared memory (shm.h)
//   payload  text key, u8 type, u8 status, pairs desc, data
//
// Bodies:
//   kHello    worker -> loader  u32 version, u32 pid
//   kInit     loader -> worker  pairs config, u32 threads, u32 most threads, u8 AsyncMode, u8
//                               real-time results, u32 batch size, u64 batch delay (us), u64 offset
//                               of the cancel board, u32 alive period (ms, 0: do not send kAlive),
//                               u8 InitSaid.
//                               Which plugin it is stands on the command line (worker/main.cc): it
//                               decides in which program the worker goes on.
//   kReady    worker -> loader  text plugin path, text plugin version, u32 EngineTraits, text
//                               schema (JSON, of wrapperSchema; empty: none), text doors (JSON, of
//                               wrapperDoors; empty: none), u32 threads, u32 most threads: as the
//                               engine allows them, at most those of kInit or what wrapperWishes
//                               asks for; u32 batch size, in the same way
//   kFailed   worker -> loader  i32 code, text reason. The worker exits.
//   kExec     loader -> worker  i64 deadline (ns, CLOCK_MONOTONIC), text usrTag, pairs params,
//                               u32 count + count x u32 psrId, u32 count + count x payload
//   kResult   worker -> loader  u8 Fault, u8 ErrorClass, u64 engine ns, u32 batch, text error,
//                               u32 count + count x payload; with a fault, text detail
//                               (for people: a traceback). batch: how many calls ran as one, told
//                               by the first of them; 0 by the others.
//   kCancel   loader -> worker  nothing. Nobody waits for that asynchronous call or door call any
//                               more.
//   kDoor     loader -> worker  as kExec: a door call (api/door.h); one payload, the first part of
//                               its request
//   kDoorIn   loader -> worker  u32 1, payload: a further part
//   kDoorOut  worker -> loader  u32 1, payload: a part of the answer that is not the last, which is
//                               its kResult
//   kDoorTook both              u64 bytes of the other's parts that were taken
//   kMeter    worker -> loader  text usrTag, text key, i32 count; id: the call or session, or 0
//   kTrace    worker -> loader  text usrTag, text key, text value
//   kMetrics  worker -> loader  text metrics of the engine's own (JSON, of wrapperMetrics), in
//                               place of those before
//   kLoad     loader -> worker  payload. A resource; the id is its number.
//   kUnload   loader -> worker  nothing
//   kLoaded   worker -> loader  i32 code, text error, u8 ErrorClass: the answer to either
//   kThreads  worker -> loader  u32 threads, u32 most threads (below). Whenever they change.
//   kAlive    worker -> loader  nothing (below)
//   kFini     loader -> worker  i64 end (ns, CLOCK_MONOTONIC). The worker finishes what it
//                               has, calls wrapperFini, exits; it is killed when it is not gone by
//                               then.
//
// Sessions; the id is the session's. A worker handles the frames of one session in order.
//   kCreate   loader -> worker  text usrTag, pairs params, u32 count + count x u32 psrId, u32
//   credit:
//                               items that the worker may send before it gets more
//   kWrite    loader -> worker  u32 count + count x payload
//   kCredit   loader -> worker  u32 further items
//   kClose    loader -> worker  nothing. What waits is dropped, wrapperDestroy is called.
//   kTaken    worker -> loader  u32 writes that it is done with (0: a create)
//   kItem     worker -> loader  u8 Fault, u8 ErrorClass, u8 last, text error, u32 count + count x
//                               payload; with a fault, text detail. After a fault, or with `last`,
//                               no further item comes.
//   kClosed   worker -> loader  nothing. The session is destroyed; its id is free.
//
// Calls of other models. The id is the worker's own choice, never used twice in a process.
//   kCall     worker -> loader  u32 count + count x u64: the calls and sessions of this worker that
//                               wait for it, first the one that speaks for them (none: nobody's);
//                               i64 deadline of its own (ns; INT64_MAX: none), u32 credit: 0: one
//                               answer; else a session, of which so many answers may come; text
//                               model, text version, pairs params, u32 count + count x payload
//   kCallAnswer  loader -> worker  u8 StatusKind, i32 code, u8 last, text error,
//                               u32 count + count x payload. After `last`, or with an error, no
//                               further one comes.
//   kCallCredit  worker -> loader  u32 answers of a session that it is done with: so many more
//                               may come
//   kCallEnd  worker -> loader  nothing. It is done with all answers, and wants no further one.
//                               Once for each call, but where the one answer lay in the frame.
//
// Threads. A worker starts with `threads` that run once calls and synchronous sessions, and may get
// to `most threads`. It adds one when a call or session has waited for more than kThreadWait behind
// running ones, and says so with kThreads at once. While it has fewer than the most, the loader
// lets one call more lie in it than the window gives to those it has (instances/window.h): that is
// the call whose waiting the worker sees. A worker that cannot add one says the same number twice.
//
// Life of an event loop. The first kAlive of a process is a promise: from then on its engine has an
// event loop that sends one at least once in an alive period, whether it has work or not. A loader
// that hears none for hang_kill_ms takes the loop to be stuck and kills the worker, also when no
// call lies in it: those that waited for the loop may all have passed their deadline. Of such an
// engine the loader does not time asynchronous once calls themselves: they may wait as long as the
// loop turns.
//
// The cancel board is kCancelSlots x u64 in the request memory: slot id % kCancelSlots holds the id
// of a call that nobody waits for any more. Written by the loader, looked at by running engines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace aiges {

inline constexpr uint32_t kChannelVersion = 11;
// No single frame is larger: a length beyond it is a broken peer, not a request for memory.
inline constexpr uint32_t kMaxFrame = 0x7fff0000;
// How long a call waits behind running ones before a worker adds a thread.
inline constexpr std::chrono::milliseconds kThreadWait{2};
// Of the text and the detail of an error.
inline constexpr size_t kMostErrorText = 4096;
inline constexpr size_t kMostDetail = 8192;
inline constexpr size_t kMostSchema = 1 << 20;
inline constexpr size_t kMostDoors = 256 * 1024;
inline constexpr size_t kMostMetrics = 256 * 1024;
// Of parts of a door call in one direction that were said and not taken (kDoorTook).
inline constexpr uint64_t kDoorWindowBytes = 4 << 20;
// Calls of other models that may be open in one worker, and answers of a session on their way.
inline constexpr size_t kMostOpenCalls = 1024;
inline constexpr uint32_t kCallWindow = 16;

enum class FrameType : uint8_t {
  kHello = 1,
  kInit = 2,
  kReady = 3,
  kFailed = 4,
  kExec = 5,
  kResult = 6,
  kMeter = 7,
  kTrace = 8,
  kFini = 9,
  kCancel = 10,
  kLoad = 11,
  kUnload = 12,
  kLoaded = 13,
  kThreads = 14,
  kAlive = 15,
  kCreate = 16,
  kWrite = 17,
  kCredit = 18,
  kClose = 19,
  kTaken = 20,
  kItem = 21,
  kClosed = 22,
  kDoor = 23,
  kDoorIn = 24,
  kDoorOut = 25,
  kDoorTook = 26,
  kCall = 27,
  kCallAnswer = 28,
  kCallCredit = 29,
  kCallEnd = 30,
  kMetrics = 31,
};
inline constexpr FrameType kLastFrameType = FrameType::kMetrics;

// Which of the numbers of kInit stand in aiges.toml: others give way to what wrapperWishes says.
enum InitSaid : uint8_t { kSaidThreads = 1, kSaidBatchSize = 2, kSaidBatchDelay = 4 };

// What an engine does with calls, as far as the loader must know. Bits of kReady.
enum EngineTraits : uint32_t {
  kTraitAsyncOnce = 1,  // Any number of once calls may lie in it: they only begin in a thread.
  kTraitBatch = 2,      // It runs up to the batch size of calls as one.
  kTraitDoors = 4,      // It has doors: [http] app_concurrency calls may lie in it.
};

inline constexpr size_t kCancelSlots = 4096;

// Why there is no result. What it becomes for clients is the loader's matter (instances/faults.h).
enum class Fault : uint8_t {
  kNone = 0,
  kExpired = 1,    // The deadline had passed before the engine was asked.
  kMalformed = 2,  // The host could not use what the engine returned, or could not read the frame.
  kRepeated = 3,   // Another call or session with this usrTag is in work.
  // The engine said so: wrapperExec, a callback, wrapperCreate, wrapperWrite, wrapperRead.
  kExec = 4,
  kCallback = 5,
  kCreate = 6,
  kWrite = 7,
  kRead = 8,
};

// What the engine says of an error (wrapperErrorClass, the same numbers). The host's own are kOwn,
// or kCaller.
enum class ErrorClass : uint8_t {
  kOwn = 0,
  kCaller = 1,
  kNotFound = 2,
  kUnavailable = 3,
  kUnsupported = 4,
  kExists = 5,
  kCancelled = 6,
  kUnknown = 7,
};

// [aiges] asyncMode.
enum class AsyncMode : uint8_t { kOff = 0, kOn = 1, kUnset = 2 };

enum class DataPlace : uint8_t { kInline = 0, kShared = 1 };

struct FrameHeader {
  uint32_t length;  // Of the body.
  FrameType type;
  uint8_t reserved[3];
  uint64_t id;  // Call, chosen by the loader; 0 in frames that belong to no call.
};
static_assert(sizeof(FrameHeader) == 16 && offsetof(FrameHeader, id) == 8);

// The descriptors that a worker finds open when it starts.
inline constexpr int kChannelFd = 3;
inline constexpr int kRequestMemoryFd = 4;  // Written by the loader, read-only for workers.
inline constexpr int kResultMemoryFd = 5;   // Written by this worker.

}  // namespace aiges
