// SPDX-License-Identifier: Apache-2.0
// tests/wrapper/host.h: the host's side of sessions: what the worker would do with callbacks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/wrapper/shim.h"

namespace aiges::test {

// Records what callbacks bring, by tag. Room is without limit until SetRoom.
class Host {
 public:
  struct Told {
    std::vector<Item> items;                          // Of all callbacks.
    std::vector<std::pair<int, std::string>> errors;  // Code, and wrapperError's text for it.
    int calls = 0;
  };

  static Host& Get() {
    static auto* const host = new Host;  // Threads of the shim outlive main.
    return *host;
  }
  static int OnResult(const void* tag, pDataList results, int code) {
    return Get().Take(static_cast<const char*>(tag), results, code, true);
  }
  static int OnTryResult(const void* tag, pDataList results, int code) {
    return Get().Take(static_cast<const char*>(tag), results, code, false);
  }
  static int OnCallState(const char* tag, long long* remaining_ms) {
    if (remaining_ms != nullptr) *remaining_ms = std::string(tag) == "hurried" ? 1500 : -1;
    return std::string(tag) == "cancelled" ? 1 : 0;
  }

  void Use(const Shim* shim) { shim_ = shim; }
  // So many more callbacks of this tag find room.
  void SetRoom(const std::string& tag, int room) {
    const std::lock_guard lock(mu_);
    room_[tag] = room;
    changed_.notify_all();
  }
  void Refuse(const std::string& tag) { SetRoom(tag, -1); }

  // What was told for a tag, once `enough` says so; what there is after 20 s.
  template <class Enough>
  Told Wait(const std::string& tag, Enough enough) {
    std::unique_lock lock(mu_);
    const bool there =
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return enough(told_[tag]); });
    EXPECT_TRUE(there) << tag << ": " << told_[tag].items.size() << " items in 20 s";
    return told_[tag];
  }
  Told WaitEnd(const std::string& tag) {
    return Wait(tag, [](const Told& told) {
      return !told.errors.empty() || (!told.items.empty() && told.items.back().status >= DataEnd);
    });
  }
  Told Now(const std::string& tag) {
    const std::lock_guard lock(mu_);
    return told_[tag];
  }

 private:
  int Take(const std::string& tag, const DataList* results, int code, bool may_wait) {
    // As the worker: asked on the same thread, inside the callback.
    const std::string text = code == 0 ? "" : shim_->error(code);
    std::unique_lock lock(mu_);
    const auto room = room_.try_emplace(tag, 1 << 30).first;
    if (room->second == 0 && !may_wait) return 1;
    changed_.wait(lock, [&] { return room->second != 0; });
    if (room->second < 0) return -1;
    --room->second;
    Told& told = told_[tag];
    ++told.calls;
    if (code != 0) {
      told.errors.emplace_back(code, text);
    } else {
      for (Item& item : Items(results)) told.items.push_back(std::move(item));
    }
    changed_.notify_all();
    return 0;
  }

  const Shim* shim_ = nullptr;
  std::mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, Told> told_;
  std::map<std::string, int> room_;
};

// A session as the worker drives it: create, write, read, destroy.
class Session {
 public:
  Session(const Shim& shim, std::string tag, const Pairs& params,
          wrapperCallback callback = &Host::OnResult, std::vector<unsigned> psr_ids = {})
      : shim_(shim), tag_(std::move(tag)) {
    Params list(params);
    handle_ = shim_.create(tag_.c_str(), list.head(), callback, psr_ids.data(),
                           static_cast<int>(psr_ids.size()), &code_);
    if (code_ != 0) text_ = shim_.error(code_);
  }
  ~Session() { Destroy(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int Write(const std::string& data, int status = DataEnd, const std::string& key = "in") {
    const std::vector<Item> items{{key, data, DataText, status, {}}};
    Payloads payloads(items);
    return Keep(shim_.write(handle_, payloads.head()));
  }
  int Read(std::vector<Item>* out) {
    pDataList head = nullptr;
    const int code = Keep(shim_.read(handle_, &head));
    *out = Items(head);
    return code;
  }
  int Destroy() { return handle_ == nullptr ? 0 : shim_.destroy(std::exchange(handle_, nullptr)); }

  const void* handle() const { return handle_; }
  int code() const { return code_; }
  const std::string& text() const { return text_; }

 private:
  int Keep(int code) {
    code_ = code;
    text_ = code == 0 ? "" : shim_.error(code);
    return code;
  }
  const Shim& shim_;
  const std::string tag_;
  const void* handle_ = nullptr;
  int code_ = 0;
  std::string text_;
};

inline std::vector<std::string> Texts(const std::vector<Item>& items) {
  std::vector<std::string> texts;
  for (const Item& item : items) texts.push_back(item.data);
  return texts;
}

inline std::vector<int> StatusesOf(const std::vector<Item>& items) {
  std::vector<int> statuses;
  for (const Item& item : items) statuses.push_back(item.status);
  return statuses;
}

}  // namespace aiges::test
