// SPDX-License-Identifier: Apache-2.0
// wrapper/generator_io.h: what goes into a generator and what comes out of it, as a session has it.
//
// Values; a session has one of each that it needs. Need the GIL.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "aiges/wrapper.h"
#include "wrapper/contract.h"

namespace aiges::shim {

// What was written, until every input stream (a payload key) that was seen has ended.
class GatheredInput {
 public:
  void See(const DataList* data);
  bool ended() const { return ended_; }
  // Keeps a reqData, for Whole. False: a Python exception is set.
  bool Add(PyObject* input);
  // All that was added, as one reqData. NULL with an exception set.
  Ref Whole() const;
  void DropReferences() { gathered_ = Ref(); }

 private:
  std::vector<std::pair<std::string, bool>> streams_;
  bool ended_ = false;
  Ref gathered_;
};

// What it yields becomes items of its output streams: begin, continue, and an empty end of each.
class YieldedItems {
 public:
  // Empty, or what is wrong with the value. A Response's error_code goes into *code.
  std::string Read(PyObject* value, ResultList* out, int* code);
  // Makes what is there the next items of its streams.
  void Mark(ResultList* out);
  // The same, and the end of each stream behind them.
  void WriteEnd(ResultList* out);

 private:
  std::vector<std::pair<std::string, int>> keys_;  // With their types.
  bool begun_ = false;
};

}  // namespace aiges::shim
