// SPDX-License-Identifier: Apache-2.0
// loader/base/move_function.h: something to call once or often, which may own what cannot be
// copied.
//
// std::function demands that its target can be copied, so what is handed over through one would
// have to be shared. As C++23's std::move_only_function, without const and noexcept forms.
// Calling an empty one is an error of the program.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace aiges {

template <class Signature>
class MoveFunction;

template <class Result, class... Arguments>
class MoveFunction<Result(Arguments...)> {
 public:
  MoveFunction() = default;
  MoveFunction(std::nullptr_t) {}

  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, MoveFunction> &&
             std::is_invocable_r_v<Result, std::remove_cvref_t<F>&, Arguments...>)
  MoveFunction(F&& f) {
    using Target = std::remove_cvref_t<F>;
    if constexpr (kFits<Target>) {
      new (room_) Target(std::forward<F>(f));
      table_ = &kInPlace<Target>;
    } else {
      *reinterpret_cast<Target**>(room_) = new Target(std::forward<F>(f));
      table_ = &kOnHeap<Target>;
    }
  }

  MoveFunction(MoveFunction&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {
    if (table_ != nullptr) table_->move(other.room_, room_);
  }
  MoveFunction& operator=(MoveFunction&& other) noexcept {
    if (this == &other) return *this;
    this->~MoveFunction();
    return *new (this) MoveFunction(std::move(other));
  }
  ~MoveFunction() {
    if (table_ != nullptr) table_->destroy(room_);
  }

  explicit operator bool() const { return table_ != nullptr; }
  Result operator()(Arguments... arguments) {
    return table_->call(room_, std::forward<Arguments>(arguments)...);
  }

 private:
  static constexpr size_t kRoom = 48;  // A shared_ptr and some numbers.

  template <class Target>
  static constexpr bool kFits =
      sizeof(Target) <= kRoom && alignof(Target) <= alignof(std::max_align_t) &&
      std::is_nothrow_move_constructible_v<Target>;

  struct Table {
    Result (*call)(void* room, Arguments&&...);
    void (*move)(void* from, void* to);  // Leaves nothing to destroy in `from`.
    void (*destroy)(void* room);
  };

  template <class Target>
  static constexpr Table kInPlace = {
      [](void* room, Arguments&&... arguments) -> Result {
        return (*static_cast<Target*>(room))(std::forward<Arguments>(arguments)...);
      },
      [](void* from, void* to) {
        Target* target = static_cast<Target*>(from);
        new (to) Target(std::move(*target));
        target->~Target();
      },
      [](void* room) { static_cast<Target*>(room)->~Target(); }};

  template <class Target>
  static constexpr Table kOnHeap = {
      [](void* room, Arguments&&... arguments) -> Result {
        return (**static_cast<Target**>(room))(std::forward<Arguments>(arguments)...);
      },
      [](void* from, void* to) { *static_cast<Target**>(to) = *static_cast<Target**>(from); },
      [](void* room) { delete *static_cast<Target**>(room); }};

  const Table* table_ = nullptr;
  alignas(std::max_align_t) unsigned char room_[kRoom];
};

}  // namespace aiges
