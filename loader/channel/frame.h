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
//   kInit     loader -> worker  pairs config, u32 threads, u8 async mode, u8 real-time results, u32
//                               batch size, u64 batch delay (us), u64 offset of the cancel board.
//                               Which plugin it is stands on the command line (worker/main.cc): it
//                               decides in which program the worker goes on.
//   kReady    worker -> loader  text plugin path, text plugin version, u32 EngineTraits, text schema
//                               (JSON, of wrapperSchema; empty: none)
//   kFailed   worker -> loader  i32 code, text reason. The worker exits.
//   kExec     loader -> worker  i64 deadline (ns, CLOCK_MONOTONIC), text usrTag, pairs params,
//                               u32 count + count x u32 psrId, u32 count + count x payload
//   kResult   worker -> loader  i32 code, u8 ResultKind, u64 engine ns, u32 batch, text error,
//                               u32 count + count x payload; where code is not 0, text detail (for
//                               people: a traceback). batch: how many calls ran as one, told by the
//                               first of them; 0 by the others.
//   kCancel   loader -> worker  nothing. Nobody waits for that asynchronous call any more.
//   kMeter    worker -> loader  text usrTag, text key, i32 count
//   kTrace    worker -> loader  text usrTag, text key, text value
//   kLoad     loader -> worker  payload. A resource; the id is its number.
//   kUnload   loader -> worker  nothing
//   kLoaded   worker -> loader  i32 code, text error: the answer to either
//   kFini     loader -> worker  nothing. The worker finishes what it has, calls wrapperFini, exits.
//
// Sessions; the id is the session's. A worker handles the frames of one session in order.
//   kCreate   loader -> worker  text usrTag, pairs params, u32 count + count x u32 psrId, u32 credit:
//                               items that the worker may send before it gets more
//   kWrite    loader -> worker  u32 count + count x payload
//   kCredit   loader -> worker  u32 further items
//   kClose    loader -> worker  nothing. What waits is dropped, wrapperDestroy is called.
//   kTaken    worker -> loader  u32 writes that it is done with (0: a create)
//   kItem     worker -> loader  i32 loader code, u8 last, text error, u32 count + count x payload;
//                               where the code is not 0, text detail.
//                               After an error, or with `last`, no further item comes.
//   kClosed   worker -> loader  nothing. The session is destroyed; its id is free.
//
// The cancel board is kCancelSlots x u64 in the request memory: slot id % kCancelSlots holds the id
// of a call that nobody waits for any more. Written by the loader, looked at by running engines.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aiges {

inline constexpr uint32_t kChannelVersion = 5;
// No single frame is larger: a length beyond it is a broken peer, not a request for memory.
inline constexpr uint32_t kMaxFrame = 0x7fff0000;
// Of the detail of an error.
inline constexpr size_t kMostDetail = 8192;
inline constexpr size_t kMostSchema = 1 << 20;

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
  kCreate = 16,
  kWrite = 17,
  kCredit = 18,
  kClose = 19,
  kTaken = 20,
  kItem = 21,
  kClosed = 22,
};

// What an engine does with calls, as far as the loader must know. Bits of kReady.
enum EngineTraits : uint32_t {
  kTraitAsyncOnce = 1,  // Any number of once calls may lie in it: they only begin in a thread.
  kTraitBatch = 2,      // It runs up to the batch size of calls as one.
};

inline constexpr size_t kCancelSlots = 4096;

enum class ResultKind : uint8_t {
  kDone = 0,       // code is what wrapperExec returned.
  kExpired = 1,    // The deadline had passed before the engine was asked.
  kMalformed = 2,  // The host could not use what the engine returned; `error` says why.
  kRepeated = 3,   // Another call or session with this usrTag is in work.
};

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
