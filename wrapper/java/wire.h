// SPDX-License-Identifier: Apache-2.0
// wrapper/java/wire.h: the lists of the C ABI <-> the bytes that ai.aiges.Reader and Writer know.
//
// Layout. Numbers have the machine's order. `number`: 32 bits; `long`: 64. `text`: number of bytes,
// the bytes, and, from Java, a NUL. `pairs`: number, to Java then the bytes of the rest as a
// number, then for each a text and a text. `payloads`: number, then for each: text key, number
// type, number status, pairs desc, and its bytes: number -1, number of bytes, the bytes; or a
// number >= 0: which of the objects that go along, byte[] or direct ByteBuffer. From Java follow
// the number of the first byte in it and how many there are.
//
// To Java a buffer has the question from its first byte. From Java the first number is the length
// of all, itself included; then a code: 0 and the result, or another and number class, text, text
// detail.
#pragma once

#include <jni.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aiges/wrapper.h"
#include "wrapper/java/buffers.h"

namespace aiges::java {

// Writes a question. Local references to its objects are made in the caller's frame, and belong to
// it. Belongs to one thread.
class Question {
 public:
  explicit Question(JNIEnv* env) : env_(env), buffer_(TakeBuffer(env)) {}

  void Number(int32_t value) { Put(&value, sizeof value); }
  void Long(int64_t value) { Put(&value, sizeof value); }
  void Text(std::string_view text);
  void Text(const char* text) { Text(std::string_view(text == nullptr ? "" : text)); }
  void Pairs(const ParamList* head);
  void Numbers(const unsigned* values, int count);
  // Memory of the host is lent for the call, where `lend` says so; other large data are copied
  // once.
  void Payloads(const DataList* head, bool lend);

  // False: there was no memory for it.
  bool ok() const { return buffer_ != nullptr && !failed_; }
  // The objects, as an Object[]; nullptr: none.
  jobjectArray Objects() const;
  BufferPtr TakeAway() { return std::move(buffer_); }
  const Buffer& buffer() const { return *buffer_; }
  size_t size() const { return used_; }

 private:
  void Put(const void* bytes, size_t size);
  void Bytes(const DataList& node, bool lend);

  JNIEnv* env_;
  BufferPtr buffer_;
  size_t used_ = 0;
  bool failed_ = false;
  std::vector<jobject> objects_;
};

// The host's function from wrapperSetCtrl; NULL is fine: nothing is lent.
void SetKeepInput(wrapperKeepInput function);

// An answer of Java: bytes, and the objects that came along.
class Answer {
 public:
  // `written`: what Writer.done() returned, and the buffer that it may lie in.
  Answer(JNIEnv* env, BufferPtr buffer, jobjectArray written);
  ~Answer();
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // All give 0 or "" once something is missing; then ok() is false.
  int32_t Number();
  int64_t Long();
  std::string_view Text();  // With a NUL behind; lives as long as this.
  bool ok() const { return ok_; }

 private:
  friend class Results;
  const char* Take(size_t size);

  BufferPtr buffer_;
  std::string own_;  // Where it does not lie in the buffer.
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool ok_ = true;
  std::vector<jobject> objects_;  // Global references.
};

// A result list that points into an Answer, and into Java's arrays. One for each call.
class Results {
 public:
  explicit Results(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  ~Results() { Unpin(); }
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

  // Reads payloads. False: they are broken.
  bool Read();
  bool has_arrays() const { return !arrays_.empty(); }
  // Java's arrays as they lie in its memory: until Unpin, on this thread, which calls nothing of
  // Java's in between. False: some could not be had.
  bool Pin(JNIEnv* env);
  void Unpin();
  // Copies of them instead.
  bool CopyArrays(JNIEnv* env);

  pDataList head() { return nodes_.size() < 2 ? nullptr : &nodes_[1]; }
  // For wrapperExecFree, which gets the list alone.
  static pDataList Release(std::unique_ptr<Results> results);
  static void Free(pDataList head);

 private:
  struct Array {
    size_t node = 0;
    jbyteArray array = nullptr;
    int32_t offset = 0;
    void* pinned = nullptr;
  };
  void ReadPairs(std::vector<ParamList>* nodes);
  bool ReadBytes(size_t number);

  std::shared_ptr<Answer> answer_;
  // The list begins with the second one: `data` of the first is this, once it is released.
  std::vector<DataList> nodes_;
  std::vector<std::vector<ParamList>> desc_;
  std::vector<Array> arrays_;
  std::vector<std::string> copies_;
};

}  // namespace aiges::java
