// loader/ingress/pooled_body.h: a Beast body that is read straight into a BufferPool buffer.
//
// With a Content-Length the buffer is allocated once at its final size (large ones in memory that
// the workers can read); a chunked body grows on the heap and moves over at the end.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstring>
#include <string>

#include "loader/api/buffers.h"

namespace aiges {

struct PooledBody {
  struct value_type {
    BufferPool* pool = nullptr;
    Buffer buffer;       // Known length.
    size_t filled = 0;
    std::string growing;  // Unknown length.
    bool sized = false;

    Bytes Take() {
      if (sized) return std::move(buffer).Freeze();
      if (growing.size() < kSharedThreshold) return Bytes::Own(std::move(growing));
      Buffer room = pool->Allocate(growing.size());
      std::memcpy(room.data, growing.data(), growing.size());
      return std::move(room).Freeze();
    }
  };

  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(boost::beast::http::header<isRequest, Fields>&, value_type& value) : value_(value) {}

    void init(const boost::optional<std::uint64_t>& length, boost::beast::error_code& ec) {
      ec = {};
      if (!length) return;
      value_.sized = true;
      value_.buffer = value_.pool->Allocate(static_cast<size_t>(*length));
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& ec) {
      ec = {};
      std::size_t taken = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer piece = *it;
        const auto* data = static_cast<const char*>(piece.data());
        if (value_.sized) {
          std::memcpy(value_.buffer.data + value_.filled, data, piece.size());
          value_.filled += piece.size();
        } else {
          value_.growing.append(data, piece.size());
        }
        taken += piece.size();
      }
      return taken;
    }
    void finish(boost::beast::error_code& ec) { ec = {}; }

   private:
    value_type& value_;
  };
};

}  // namespace aiges
