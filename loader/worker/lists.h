// SPDX-License-Identifier: Apache-2.0
// loader/worker/lists.h: frames <-> the linked lists of the C ABI.
//
// CallInput points into the frame and into shared memory; it owns only the list nodes, so it must
// not outlive the frame. Belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "aiges/type.h"
#include "loader/channel/shm.h"
#include "loader/channel/wire.h"
#include "loader/worker/failure.h"

namespace aiges {

// A ParamList of pairs that the caller keeps alive; without pairs one node of NULLs, as plugins
// expect.
class ParamNodes {
 public:
  void Reset(size_t count);
  void Add(std::string_view key, std::string_view value);  // NUL terminated views.
  pParamList head() { return nodes_.data(); }

 private:
  std::vector<ParamList> nodes_;
  size_t used_ = 0;
};

// The payloads of a frame as a DataList; without payloads one node of NULLs.
struct DataInput {
  std::vector<DataList> nodes;
  std::vector<ParamNodes> desc;
  std::deque<std::string> own;  // Of payloads where the engine keeps something else.

  // Reads "u32 count + count x payload". False: there is none.
  bool Read(WireReader* r, const ArenaMapping& requests);
  pDataList head() { return nodes.data(); }
};

// kExec and kCreate (which has no deadline and no data).
struct CallInput {
  int64_t deadline_ns = 0;
  std::string_view usr_tag;
  ParamNodes params;
  std::vector<unsigned> psr_ids;
  DataInput data;

  // False: the frame is not a call. Reuses its memory from call to call.
  bool ParseExec(std::string_view body, const ArenaMapping& requests);
  bool ParseCreate(std::string_view body, uint32_t* credit);
  unsigned* psr_head() { return psr_ids.empty() ? nullptr : psr_ids.data(); }
  int psr_count() const { return static_cast<int>(psr_ids.size()); }

 private:
  void ReadHead(WireReader* r);
};

// Of a result list, with those of its descs.
inline constexpr size_t kMostNodes = 100'000;
// A key that a plugin gives: one without an end is cut where it is too long to be taken.
std::string_view TextOf(const char* text);

struct CallCost {
  uint64_t engine_ns = 0;
  uint32_t batch = 1;
};

// Writes a kResult frame. `head` may be NULL. Large data goes into `results`. Returns what is
// wrong with the list (then an error frame was written), or an empty text.
std::string WriteResult(std::string* out, uint64_t call, const CallCost& cost, const DataList* head,
                        Arena* results);
void WriteFailure(std::string* out, uint64_t call, const CallCost& cost, const Failure& failure);

// A kItem frame, as WriteResult, but that nothing is written when something is wrong.
std::string WriteItem(std::string* out, uint64_t session, bool last, const DataList* head,
                      Arena* results);
// A kDoorOut frame, in the same way.
std::string WriteDoorPart(std::string* out, uint64_t call, const DataList* part, Arena* results);
// A call of another model, for kCall.
struct CallOut {
  std::vector<uint64_t> callers;
  int64_t deadline_ns = INT64_MAX;
  uint32_t credit = 0;
  const char* model = nullptr;
  const char* version = nullptr;
  const ParamList* params = nullptr;
  const DataList* data = nullptr;
};
// A kCall frame, in the same way.
std::string WriteCall(std::string* out, uint64_t id, const CallOut& call, Arena* results);
void WriteItemFailure(std::string* out, uint64_t session, const Failure& failure);

}  // namespace aiges
