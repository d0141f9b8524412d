// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/health_switch.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "health.pb.h"
#include "loader/front/grpc_frames.h"

namespace aiges {
namespace {

constexpr size_t kMostMessage = 4096;  // No name of a service is longer.

// Keeps what comes until the first message is whole.
class HealthSwitch final : public Responder {
 public:
  HealthSwitch(std::shared_ptr<Exchange> exchange, ChooseHealth choose)
      : exchange_(std::move(exchange)), choose_(std::move(choose)) {}

  void OnBody(std::string_view piece) override {
    if (chosen_) return Pass(piece);
    begun_.append(piece);
    if (begun_.size() < kGrpcFrameHead) return;
    const uint64_t length = GrpcFrameLength(begun_.data());
    if (begun_[0] != 0 || length > kMostMessage) return Choose({});
    if (begun_.size() < kGrpcFrameHead + length) return;
    grpc::health::v1::HealthCheckRequest request;
    const bool sound =
        request.ParseFromArray(begun_.data() + kGrpcFrameHead, static_cast<int>(length));
    Choose(sound ? std::optional(request.service()) : std::nullopt);
  }
  void OnBodyEnd(const Fields& trailers) override {
    if (!chosen_) Choose({});
    if (inner_ != nullptr) inner_->OnBodyEnd(trailers);
  }
  void OnRoom() override {
    if (inner_ != nullptr) inner_->OnRoom();
  }
  void OnOver(Over how) override {
    if (inner_ != nullptr) inner_->OnOver(how);
  }

 private:
  void Choose(const std::optional<std::string>& service) {
    chosen_ = true;
    inner_ = choose_(service);
    const std::string begun = std::exchange(begun_, {});
    if (!begun.empty()) Pass(begun);
  }
  void Pass(std::string_view piece) {
    if (inner_ != nullptr) return inner_->OnBody(piece);
    exchange_->Took(piece.size());
  }

  const std::shared_ptr<Exchange> exchange_;
  const ChooseHealth choose_;
  std::unique_ptr<Responder> inner_;
  bool chosen_ = false;
  std::string begun_;
};

}  // namespace

std::unique_ptr<Responder> MakeHealthSwitch(std::shared_ptr<Exchange> exchange,
                                            ChooseHealth choose) {
  return std::make_unique<HealthSwitch>(std::move(exchange), std::move(choose));
}

}  // namespace aiges
