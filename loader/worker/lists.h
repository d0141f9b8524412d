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

// The payloads of a frame as a DataList; without payloads one node of NULLs.
struct DataInput {
  std::vector<DataList> nodes;
  std::vector<ParamNodes> desc;

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

struct CallOutcome {
  int32_t code = 0;  // What the engine returned.
  std::string_view error;
  uint64_t engine_ns = 0;
  uint32_t batch = 1;
  std::string_view detail = {};  // Of an error.
};

// Writes a kResult frame. `head` may be NULL. Large data goes into `results`. Returns what is
// wrong with the list (then an error frame was written), or an empty text.
std::string WriteResult(std::string* out, uint64_t call, const CallOutcome& outcome,
                        pDataList head, Arena* results);

// A kResult frame of another kind than kDone.
void WriteRefusal(std::string* out, uint64_t call, ResultKind kind, std::string_view error);

// A kItem frame, as WriteResult. `code`: 0, or the loader's number of what failed.
std::string WriteItem(std::string* out, uint64_t session, bool last, pDataList head,
                      Arena* results);
void WriteItemError(std::string* out, uint64_t session, int32_t code, std::string_view error,
                    std::string_view detail = {});

}  // namespace aiges
