// loader/worker/lists.h: frames <-> the linked lists of the C ABI.
//
// CallInput points into the frame and into shared memory; it owns only the list nodes, so it must
// not outlive the frame. Belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aiges/type.h"
#include "loader/channel/shm.h"
#include "loader/channel/wire.h"

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

struct CallInput {
  int64_t deadline_ns = 0;
  std::string_view usr_tag;
  ParamNodes params;
  std::vector<unsigned> psr_ids;
  std::vector<DataList> data;
  std::vector<ParamNodes> desc;

  // False: the frame is not a call. Reuses its memory from call to call.
  bool Parse(std::string_view body, const ArenaMapping& requests);
};

// Writes a kResult frame. `head` may be NULL. Large data goes into `results`. Returns what is
// wrong with the list (then an error frame was written), or an empty text.
std::string WriteResult(std::string* out, uint64_t call, int32_t code, std::string_view error,
                        uint64_t engine_ns, pDataList head, Arena* results);

// A kResult frame of another kind than kDone.
void WriteRefusal(std::string* out, uint64_t call, ResultKind kind, std::string_view error);

}  // namespace aiges
