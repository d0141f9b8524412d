// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/wire.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "wrapper/java/env.h"

namespace aiges::java {
namespace {

constexpr int32_t kInline = -1;
constexpr size_t kMostInline = 4096;      // Then an array of Java is filled at once.
constexpr size_t kLeastLent = 64 * 1024;  // Less never lies in the host's memory.
constexpr int32_t kMostNodes = 100'000;   // As include/aiges/wrapper.h allows.

wrapperKeepInput g_keep = nullptr;  // Set once, before the first call.

// Global references that wait until this thread has no array pinned.
thread_local int t_pinned = 0;
thread_local std::vector<jobject> t_later;

void DeleteGlobals(std::vector<jobject>* objects) {
  if (objects->empty()) return;
  if (t_pinned > 0) {
    t_later.insert(t_later.end(), objects->begin(), objects->end());
    return objects->clear();
  }
  JNIEnv* env = Env();
  if (env == nullptr) return;
  for (jobject each : *objects) env->DeleteGlobalRef(each);
  for (jobject each : t_later) env->DeleteGlobalRef(each);
  objects->clear();
  t_later.clear();
}

// Host memory, which stays mapped as long as the process lives.
bool IsHosts(const DataList& node) {
  return node.len >= kLeastLent && g_keep != nullptr && g_keep(node.data, node.len, WKeepAsk) == 0;
}

}  // namespace

void SetKeepInput(wrapperKeepInput function) { g_keep = function; }

void Question::Put(const void* bytes, size_t size) {
  if (!ok()) return;
  if (used_ + size > buffer_->size) {
    BufferPtr larger = TakeBuffer(env_, std::max(2 * buffer_->size, used_ + size));
    if (larger == nullptr) {
      failed_ = true;
      return;
    }
    std::memcpy(larger->data, buffer_->data, used_);
    buffer_ = std::move(larger);
  }
  std::memcpy(buffer_->data + used_, bytes, size);
  used_ += size;
}

void Question::Text(std::string_view text) {
  Number(static_cast<int32_t>(text.size()));
  Put(text.data(), text.size());
}

void Question::Pairs(const ParamList* head) {
  int32_t count = 0;
  for (const ParamList* p = head; p != nullptr; p = p->next) count += p->key != nullptr ? 1 : 0;
  Number(count);
  if (count == 0) return;
  const size_t place = used_;
  Number(0);
  for (const ParamList* p = head; p != nullptr; p = p->next) {
    if (p->key == nullptr) continue;
    Text(p->key);
    Text(p->value);
  }
  if (!ok()) return;
  const auto size = static_cast<int32_t>(used_ - place - sizeof(int32_t));
  std::memcpy(buffer_->data + place, &size, sizeof size);
}

void Question::Numbers(const unsigned* values, int count) {
  Number(count);
  for (int i = 0; i < count; ++i) Number(static_cast<int32_t>(values[i]));
}

void Question::Payloads(const DataList* head, bool lend) {
  int32_t count = 0;
  for (const DataList* p = head; p != nullptr; p = p->next) count += p->key != nullptr ? 1 : 0;
  Number(count);
  for (const DataList* p = head; p != nullptr; p = p->next) {
    if (p->key == nullptr) continue;
    Text(p->key);
    Number(std::clamp<int>(p->type, DataText, DataPer));
    Number(std::clamp<int>(p->status, DataBegin, DataOnce));
    Pairs(p->desc);
    Bytes(*p, lend);
  }
}

void Question::Bytes(const DataList& node, bool lend) {
  const size_t size = node.data == nullptr ? 0 : node.len;
  if (size <= kMostInline) {
    Number(kInline);
    Number(static_cast<int32_t>(size));
    return Put(node.data, size);
  }
  jobject object = nullptr;
  if (size > std::numeric_limits<int32_t>::max()) {
    failed_ = true;
  } else if (lend && IsHosts(node)) {
    object = env_->NewDirectByteBuffer(node.data, static_cast<jlong>(size));
  } else if (jbyteArray array = env_->NewByteArray(static_cast<jsize>(size))) {
    env_->SetByteArrayRegion(array, 0, static_cast<jsize>(size),
                             static_cast<const jbyte*>(node.data));
    object = array;
  }
  failed_ = failed_ || object == nullptr;
  Number(static_cast<int32_t>(objects_.size()));
  objects_.push_back(object);
}

jobjectArray Question::Objects() const {
  if (objects_.empty()) return nullptr;
  // Lives as long as the JVM.
  static const auto type =
      static_cast<jclass>(env_->NewGlobalRef(env_->FindClass("java/lang/Object")));
  jobjectArray array = env_->NewObjectArray(static_cast<jsize>(objects_.size()), type, nullptr);
  for (size_t i = 0; array != nullptr && i < objects_.size(); ++i) {
    env_->SetObjectArrayElement(array, static_cast<jsize>(i), objects_[i]);
  }
  return array;
}

Answer::Answer(JNIEnv* env, BufferPtr buffer, jobjectArray written) : buffer_(std::move(buffer)) {
  const jsize count = written == nullptr ? 0 : env->GetArrayLength(written);
  auto* head =
      static_cast<jbyteArray>(count == 0 ? nullptr : env->GetObjectArrayElement(written, 0));
  for (jsize i = 1; i < count; ++i) {
    jobject local = env->GetObjectArrayElement(written, i);
    objects_.push_back(env->NewGlobalRef(local));
    env->DeleteLocalRef(local);
  }
  size_t room = buffer_ == nullptr ? 0 : buffer_->size;
  at_ = buffer_ == nullptr ? nullptr : buffer_->data;
  if (head != nullptr) {
    room = static_cast<size_t>(env->GetArrayLength(head));
    int32_t used = 0;
    if (room >= sizeof used) {
      env->GetByteArrayRegion(head, 0, sizeof used, reinterpret_cast<jbyte*>(&used));
      room = std::min(room, static_cast<size_t>(std::max(used, 0)));
    }
    own_.resize(room);
    env->GetByteArrayRegion(head, 0, static_cast<jsize>(room),
                            reinterpret_cast<jbyte*>(own_.data()));
    env->DeleteLocalRef(head);
    at_ = own_.data();
  }
  end_ = at_ == nullptr ? nullptr : at_ + room;
  const int32_t all = Number();
  ok_ = ok_ && all >= static_cast<int32_t>(sizeof all) && static_cast<size_t>(all) <= room;
  if (ok_) end_ = at_ - sizeof all + all;
}

Answer::~Answer() { DeleteGlobals(&objects_); }

const char* Answer::Take(size_t size) {
  ok_ = ok_ && at_ != nullptr && size <= static_cast<size_t>(end_ - at_);
  if (!ok_) return nullptr;
  return std::exchange(at_, at_ + size);
}

int32_t Answer::Number() {
  int32_t value = 0;
  if (const char* from = Take(sizeof value)) std::memcpy(&value, from, sizeof value);
  return value;
}

int64_t Answer::Long() {
  int64_t value = 0;
  if (const char* from = Take(sizeof value)) std::memcpy(&value, from, sizeof value);
  return value;
}

std::string_view Answer::Text() {
  const int32_t size = Number();
  const char* from = size < 0 ? nullptr : Take(static_cast<size_t>(size) + 1);
  if (from != nullptr && from[size] == '\0') return {from, static_cast<size_t>(size)};
  ok_ = false;
  return "";
}

void Results::ReadPairs(std::vector<ParamList>* nodes) {
  const int32_t count = answer_->Number();
  if (count < 0 || count > kMostNodes) answer_->ok_ = false;
  for (int32_t i = 0; i < count && answer_->ok(); ++i) {
    ParamList node{};
    node.key = const_cast<char*>(answer_->Text().data());
    const std::string_view value = answer_->Text();
    node.value = const_cast<char*>(value.data());
    node.vlen = static_cast<unsigned>(value.size());
    nodes->push_back(node);
  }
  for (size_t i = 1; i < nodes->size(); ++i) (*nodes)[i - 1].next = &(*nodes)[i];
}

bool Results::ReadBytes(size_t number) {
  DataList& node = nodes_[number];
  const int32_t place = answer_->Number();
  const int32_t offset = place == kInline ? 0 : answer_->Number();
  const int32_t size = answer_->Number();
  if (offset < 0 || size < 0) return false;
  node.len = static_cast<unsigned>(size);
  if (place == kInline) {
    node.data = const_cast<char*>(answer_->Take(node.len));
    return node.data != nullptr;
  }
  if (place < 0 || static_cast<size_t>(place) >= answer_->objects_.size()) return false;
  jobject object = answer_->objects_[static_cast<size_t>(place)];
  if (auto* memory = static_cast<char*>(Env()->GetDirectBufferAddress(object))) {
    node.data = memory + offset;
    return true;
  }
  arrays_.push_back({number, static_cast<jbyteArray>(object), offset});
  return true;
}

bool Results::Read() {
  const int32_t count = answer_->Number();
  if (!answer_->ok() || count < 0 || count > kMostNodes) return false;
  const size_t size = static_cast<size_t>(count) + 1;
  nodes_.assign(size, DataList{});
  desc_.resize(size);
  for (size_t i = 1; i < size && answer_->ok(); ++i) {
    DataList& node = nodes_[i];
    node.key = const_cast<char*>(answer_->Text().data());
    node.type = static_cast<DataType>(answer_->Number());
    node.status = static_cast<DataStatus>(answer_->Number());
    ReadPairs(&desc_[i]);
    node.desc = desc_[i].empty() ? nullptr : desc_[i].data();
    if (!ReadBytes(i)) return false;
    if (i > 1) nodes_[i - 1].next = &node;
  }
  return answer_->ok();
}

bool Results::Pin(JNIEnv* env) {
  for (Array& each : arrays_) {
    each.pinned = env->GetPrimitiveArrayCritical(each.array, nullptr);
    if (each.pinned == nullptr) return false;
    ++t_pinned;
    nodes_[each.node].data = static_cast<char*>(each.pinned) + each.offset;
  }
  return true;
}

void Results::Unpin() {
  for (Array& each : arrays_) {
    if (each.pinned == nullptr) continue;
    Env()->ReleasePrimitiveArrayCritical(each.array, each.pinned, JNI_ABORT);
    each.pinned = nullptr;
    --t_pinned;
  }
}

bool Results::CopyArrays(JNIEnv* env) {
  copies_.reserve(arrays_.size());
  for (const Array& each : arrays_) {
    DataList& node = nodes_[each.node];
    std::string& copy = copies_.emplace_back(node.len, '\0');
    env->GetByteArrayRegion(each.array, each.offset, static_cast<jsize>(node.len),
                            reinterpret_cast<jbyte*>(copy.data()));
    if (env->ExceptionCheck()) return env->ExceptionClear(), false;
    node.data = copy.data();
  }
  return true;
}

pDataList Results::Release(std::unique_ptr<Results> results) {
  const pDataList head = results->head();
  if (head == nullptr) return nullptr;
  head[-1].data = results.release();
  return head;
}

void Results::Free(pDataList head) {
  if (head != nullptr) delete static_cast<Results*>(head[-1].data);
}

}  // namespace aiges::java
