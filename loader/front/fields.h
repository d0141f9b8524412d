// SPDX-License-Identifier: Apache-2.0
// loader/front/fields.h: the fields of a head or of trailers, in order and with repeats.
//
// All text lies in one piece of memory: a head of a dozen fields costs two allocations. Names are
// in lower case; who adds one sees to that. Views that are given out are good until the next Add.
// A value; const access from several threads is safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiges {

class Fields {
 public:
  // What a field costs beside its bytes, as HTTP/2 counts (RFC 9113, section 6.5.2).
  static constexpr size_t kOverhead = 32;

  struct Field {
    std::string_view name, value;
  };

  Fields() = default;
  Fields(std::initializer_list<Field> fields) {
    for (const Field& f : fields) Add(f.name, f.value);
  }

  // Room for so many fields and so many bytes of them, in two allocations.
  void Reserve(size_t fields, size_t bytes) {
    places_.reserve(fields);
    text_.reserve(bytes);
  }
  void Add(std::string_view name, std::string_view value) {
    places_.push_back({static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(name.size()),
                       static_cast<uint32_t>(value.size())});
    text_.append(name);
    text_.append(value);
  }
  void Append(const Fields& others) {
    const auto at = static_cast<uint32_t>(text_.size());
    for (const Place& p : others.places_) places_.push_back({at + p.begin, p.name, p.value});
    text_.append(others.text_);
  }
  void Clear() {
    text_.clear();
    places_.clear();
  }

  size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }
  size_t bytes() const { return text_.size(); }  // Of all names and values.
  // As HTTP/2 counts a header list.
  size_t cost() const { return text_.size() + kOverhead * places_.size(); }

  Field operator[](size_t i) const {
    const Place& p = places_[i];
    const std::string_view text(text_);
    return {text.substr(p.begin, p.name), text.substr(p.begin + p.name, p.value)};
  }
  bool Has(std::string_view name) const { return IndexOf(name) < size(); }
  // The first of that name; empty where there is none, see Has.
  std::string_view Find(std::string_view name) const {
    const size_t i = IndexOf(name);
    return i < size() ? (*this)[i].value : std::string_view();
  }

  class Iterator {
   public:
    Iterator(const Fields* fields, size_t i) : fields_(fields), i_(i) {}
    Field operator*() const { return (*fields_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return i_ != other.i_; }

   private:
    const Fields* fields_;
    size_t i_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  struct Place {
    uint32_t begin, name, value;  // The value follows the name.
  };

  size_t IndexOf(std::string_view name) const {
    size_t i = 0;
    while (i < size() && (*this)[i].name != name) ++i;
    return i;
  }

  std::string text_;
  std::vector<Place> places_;
};

}  // namespace aiges
