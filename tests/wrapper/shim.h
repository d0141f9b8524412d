// SPDX-License-Identifier: Apache-2.0
// tests/wrapper/shim.h: libwrapper.so as the worker sees it: opened, and called through the C ABI.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "aiges/wrapper.h"

namespace aiges::test {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Item {
  std::string key, data;
  int type = DataText;
  int status = DataOnce;
  Pairs desc;
};

// A ParamList over pairs that the caller keeps.
class Params {
 public:
  explicit Params(const Pairs& pairs) : nodes_(pairs.empty() ? 1 : pairs.size()) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      nodes_[i].key = const_cast<char*>(pairs[i].first.c_str());
      nodes_[i].value = const_cast<char*>(pairs[i].second.c_str());
      nodes_[i].vlen = static_cast<unsigned>(pairs[i].second.size());
      if (i > 0) nodes_[i - 1].next = &nodes_[i];
    }
  }
  pParamList head() { return nodes_.data(); }

 private:
  std::vector<ParamList> nodes_;
};

// A DataList over items that the caller keeps.
class Payloads {
 public:
  explicit Payloads(const std::vector<Item>& items) : nodes_(items.empty() ? 1 : items.size()) {
    for (size_t i = 0; i < items.size(); ++i) {
      DataList& node = nodes_[i];
      node.key = const_cast<char*>(items[i].key.c_str());
      node.data = const_cast<char*>(items[i].data.data());
      node.len = static_cast<unsigned>(items[i].data.size());
      node.type = static_cast<DataType>(items[i].type);
      node.status = static_cast<DataStatus>(items[i].status);
      node.desc = descs_.emplace_back(items[i].desc).head();
      if (i > 0) nodes_[i - 1].next = &node;
    }
  }
  pDataList head() { return nodes_.data(); }

 private:
  std::vector<DataList> nodes_;
  std::deque<Params> descs_;
};

inline std::vector<Item> Items(const DataList* head) {
  std::vector<Item> items;
  for (const DataList* d = head; d != nullptr; d = d->next) {
    Item item{d->key, {static_cast<char*>(d->data), d->len}, d->type, d->status, {}};
    for (const ParamList* p = d->desc; p != nullptr; p = p->next) {
      item.desc.emplace_back(p->key, std::string(p->value, p->vlen));
    }
    items.push_back(std::move(item));
  }
  return items;
}

struct Outcome {
  int code = 0;
  std::string text;    // wrapperError's, when code is not 0.
  std::string detail;  // wrapperErrorDetail's.
  bool callers_fault = false;
  std::vector<Item> items;
};

class Shim {
 public:
  // `folder` holds wrapper.py. The interpreter starts once per process, so a test program has one.
  explicit Shim(const std::string& folder) {
    ::setenv("PYTHONPATH", (folder + ":" AIGES_TESTS_DIR "/../sdk").c_str(), 1);
    library_ = ::dlopen(AIGES_SHIM, RTLD_NOW);
    if (library_ == nullptr) {
      ADD_FAILURE() << ::dlerror();
      ::abort();
    }
    Find(&set_ctrl, "wrapperSetCtrl");
    Find(&init, "wrapperInit");
    Find(&fini, "wrapperFini");
    Find(&error, "wrapperError");
    Find(&error_detail, "wrapperErrorDetail");
    Find(&error_class, "wrapperErrorClass");
    Find(&exec, "wrapperExec");
    Find(&exec_free, "wrapperExecFree");
    Find(&exec_async, "wrapperExecAsync");
    Find(&exec_batch, "wrapperExecBatch");
    Find(&create, "wrapperCreate");
    Find(&write, "wrapperWrite");
    Find(&read, "wrapperRead");
    Find(&destroy, "wrapperDestroy");
    Find(&load_res, "wrapperLoadRes");
    Find(&unload_res, "wrapperUnloadRes");
    Find(&traits, "wrapperTraits");
    Find(&warmup, "wrapperWarmup");
  }

  Outcome Exec(const Pairs& params, const std::vector<Item>& items) const {
    Params param_list(params);
    Payloads payloads(items);
    pDataList result = nullptr;
    Outcome out;
    out.code = exec("tag", param_list.head(), payloads.head(), &result, nullptr, 0);
    if (out.code != 0) {
      EXPECT_EQ(result, nullptr);
      out.text = error(out.code);
      const char* detail = error_detail(out.code);
      if (detail != nullptr) out.detail = detail;
      out.callers_fault = error_class(out.code) == 1;
      return out;
    }
    out.items = Items(result);
    EXPECT_EQ(exec_free("tag", &result), 0);
    EXPECT_EQ(result, nullptr);
    return out;
  }

  decltype(&wrapperSetCtrl) set_ctrl = nullptr;
  decltype(&wrapperInit) init = nullptr;
  decltype(&wrapperFini) fini = nullptr;
  decltype(&wrapperError) error = nullptr;
  decltype(&wrapperErrorDetail) error_detail = nullptr;
  decltype(&wrapperErrorClass) error_class = nullptr;
  decltype(&wrapperExec) exec = nullptr;
  decltype(&wrapperExecFree) exec_free = nullptr;
  decltype(&wrapperExecAsync) exec_async = nullptr;
  decltype(&wrapperExecBatch) exec_batch = nullptr;
  decltype(&wrapperCreate) create = nullptr;
  decltype(&wrapperWrite) write = nullptr;
  decltype(&wrapperRead) read = nullptr;
  decltype(&wrapperDestroy) destroy = nullptr;
  decltype(&wrapperLoadRes) load_res = nullptr;
  decltype(&wrapperUnloadRes) unload_res = nullptr;
  decltype(&wrapperTraits) traits = nullptr;
  decltype(&wrapperWarmup) warmup = nullptr;

 private:
  template <class Function>
  void Find(Function* function, const char* name) {
    *function = reinterpret_cast<Function>(::dlsym(library_, name));
    ASSERT_NE(*function, nullptr) << name;
  }
  void* library_ = nullptr;
};

}  // namespace aiges::test
