// SPDX-License-Identifier: Apache-2.0
// tests/engine/tensor_engine.cc: an engine of tensors, in C++: what [wrapper] card says.
//
// identity: INPUT0 FP32 [-1,16] comes back as OUTPUT0, and the optional INPUT1 BYTES [-1,1] as
// OUTPUT1; max_batch_size 8. raw: IN FP32 [-1] comes back as OUT. repeat (decoupled): IN INT32 [-1]
// comes back as one response OUT INT32 [1] for each element, and then the bare end; with the
// parameter "whole" = true the last response is the end. typed: any tensors come back as they are,
// by name; none is declared. plain: nothing of tensors is declared, input "text"; each payload
// comes back in upper case under its key. The parameter "fail" = 1 .. 7: an error of that class.
// The parameter "params": the answer has that text as parameters of the response.

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "aiges/wrapper.h"

namespace {

std::string g_card = "identity";

std::string Find(const ParamList* list, const char* key, const char* otherwise = "") {
  for (; list != nullptr; list = list->next) {
    if (list->key != nullptr && std::strcmp(list->key, key) == 0) return list->value;
  }
  return otherwise;
}

// An answer: payloads, and all that they point to.
struct Answer {
  std::list<std::string> texts;
  std::list<ParamList> pairs;
  std::list<DataList> nodes;

  char* Keep(std::string text) { return texts.emplace_back(std::move(text)).data(); }
  ParamList* Pair(const char* key, const std::string& value, ParamList* next) {
    pairs.push_back({Keep(key), Keep(value), static_cast<unsigned>(value.size()), next});
    return &pairs.back();
  }
  void Add(const std::string& key, std::string data, ParamList* desc, DataStatus status) {
    const auto size = static_cast<unsigned>(data.size());
    DataList node{};
    node.key = Keep(key);
    node.data = Keep(std::move(data));
    node.len = size;
    node.type = desc == nullptr ? DataText : static_cast<DataType>(4);
    node.status = status;
    node.desc = desc;
    nodes.push_back(node);
    if (nodes.size() > 1) std::prev(nodes.end(), 2)->next = &nodes.back();
  }
  DataList* head() { return nodes.empty() ? nullptr : &nodes.front(); }
};

std::string OutputOf(const std::string& input) {
  if (input.starts_with("INPUT")) return "OUTPUT" + input.substr(5);
  return input == "IN" ? "OUT" : input;
}

void Echo(const DataList* data, Answer* answer) {
  for (; data != nullptr; data = data->next) {
    if (data->key == nullptr) continue;
    std::string bytes(static_cast<const char*>(data->data), data->len);
    ParamList* desc = nullptr;
    for (const ParamList* p = data->desc; p != nullptr; p = p->next) {
      const bool tensor = p->key != nullptr && (std::strcmp(p->key, "datatype") == 0 ||
                                                std::strcmp(p->key, "shape") == 0);
      if (tensor) desc = answer->Pair(p->key, p->value, desc);
    }
    if (desc == nullptr) {
      for (char& c : bytes) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    answer->Add(OutputOf(data->key), std::move(bytes), desc, DataOnce);
  }
}

std::mutex g_mu;
std::map<const DataList*, Answer*> g_answers;  // With g_mu. By their heads.

struct Session {
  bool whole = false;
  int fail = 0;
  std::deque<Answer*> ready;
  Answer* given = nullptr;  // By the last wrapperRead.
};

}  // namespace

extern "C" {

int wrapperSetCtrl(CtrlType, void*) { return 0; }
int wrapperInit(pConfig config) {
  g_card = Find(config, "card", "identity");
  return 0;
}
int wrapperFini() { return 0; }
const char* wrapperError(int code) { return code == 1 ? "unusable" : "as asked"; }
int wrapperErrorClass(int code) { return code; }
unsigned wrapperTraits() { return WTraitSessions; }

const char* wrapperSchema() {
  if (g_card == "identity") {
    return R"({"model": {"platform": "test", "max_batch_size": 8,
      "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [-1, 16]},
                 {"name": "INPUT1", "datatype": "BYTES", "shape": [-1, 1], "optional": true}],
      "outputs": [{"name": "OUTPUT0", "datatype": "FP32", "shape": [-1, 16],
                   "labels": ["zero", "one"]},
                  {"name": "OUTPUT1", "datatype": "BYTES", "shape": [-1, 1]}]}})";
  }
  if (g_card == "raw") {
    return R"({"model": {"inputs": [{"name": "IN", "datatype": "FP32", "shape": [-1]}],
      "outputs": [{"name": "OUT", "datatype": "FP32", "shape": [-1]}]}})";
  }
  if (g_card == "repeat") {
    return R"({"model": {"decoupled": true,
      "inputs": [{"name": "IN", "datatype": "INT32", "shape": [-1]}],
      "outputs": [{"name": "OUT", "datatype": "INT32", "shape": [1]}]}})";
  }
  if (g_card == "plain") {
    return R"({"meta": {"serviceId": "svc", "svc": {"input": {"text": {"dataType": "text"}},
                                "accept": {"text": {"dataType": "text"}}}}})";
  }
  return "";
}

const void* wrapperCreate(const char*, pParamList params, wrapperCallback, unsigned*, int,
                          int* error) {
  auto* session = new Session;
  session->whole = Find(params, "whole") == "true";
  *error = session->fail = std::atoi(Find(params, "fail", "0").c_str());
  if (session->fail == 0) return session;
  delete session;
  return nullptr;
}

int wrapperWrite(const void* handle, pDataList data) {
  auto* session = static_cast<Session*>(const_cast<void*>(handle));
  const auto count = data->len / sizeof(int);
  for (size_t i = 0; i < count; ++i) {
    auto* answer = new Answer;
    const bool last = session->whole && i + 1 == count;
    ParamList* desc = answer->Pair("datatype", "INT32", answer->Pair("shape", "1", nullptr));
    answer->Add("OUT",
                std::string(static_cast<const char*>(data->data) + i * sizeof(int), sizeof(int)),
                desc, last ? DataEnd : DataContinue);
    session->ready.push_back(answer);
  }
  if (!session->whole || count == 0) {
    auto* end = new Answer;
    end->Add("OUT", "", nullptr, DataEnd);
    session->ready.push_back(end);
  }
  return 0;
}

int wrapperRead(const void* handle, pDataList* out) {
  auto* session = static_cast<Session*>(const_cast<void*>(handle));
  delete session->given;
  session->given = nullptr;
  if (session->ready.empty()) return 0;
  session->given = session->ready.front();
  session->ready.pop_front();
  *out = session->given->head();
  return 0;
}

int wrapperDestroy(const void* handle) {
  auto* session = static_cast<Session*>(const_cast<void*>(handle));
  for (Answer* answer : session->ready) delete answer;
  delete session->given;
  delete session;
  return 0;
}

int wrapperExec(const char*, pParamList params, pDataList data, pDataList* out, unsigned*, int) {
  if (const int fail = std::atoi(Find(params, "fail", "0").c_str()); fail != 0) return fail;
  auto* answer = new Answer;
  Echo(data, answer);
  if (const std::string text = Find(params, "params"); !text.empty()) {
    answer->Add(":parameters", text, nullptr, DataOnce);
  }
  if (Find(params, "show") == "oip") answer->Add("oip", Find(params, ":oip"), nullptr, DataOnce);
  *out = answer->head();
  const std::lock_guard lock(g_mu);
  g_answers[*out] = answer;
  return 0;
}

int wrapperExecFree(const char*, pDataList* out) {
  const std::lock_guard lock(g_mu);
  delete g_answers[*out];
  g_answers.erase(*out);
  return 0;
}

}  // extern "C"
