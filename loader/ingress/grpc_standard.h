// loader/ingress/grpc_standard.h: grpc.health.v1.Health and server reflection, on a lane.
//
// gRPC's own implementations of both poll on threads of their own beside the lane, which was
// measured to halve its throughput. These answer from the lane; any other method gets
// UNIMPLEMENTED with the list of what there is.
// Threads: the lane's, all of it.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

#include "loader/ingress/grpc_lane.h"

namespace aiges {

class StandardServices {
 public:
  // A call in progress.
  class OpenCall {
   public:
    virtual ~OpenCall() = default;
    virtual void OnHealth() = 0;  // The health has changed.
    virtual void Cancel() = 0;
  };

  StandardServices(grpc::AsyncGenericService* service, GrpcLane* lane)
      : service_(*service), lane_(*lane) {}

  void AcceptCalls();  // Goes on until the server shuts down.
  void SetServing(bool serving);
  void CancelCalls();  // A Watch would keep a stopping server waiting.

  bool serving() const { return serving_; }
  void Add(OpenCall* call) { calls_.push_back(call); }
  void Remove(OpenCall* call) { std::erase(calls_, call); }

 private:
  grpc::AsyncGenericService& service_;
  GrpcLane& lane_;
  bool serving_ = false;
  std::vector<OpenCall*> calls_;
};

// The answers, as serialised messages. `request` that is no such message: false.
bool AnswerHealth(const std::string& request, bool serving, bool watch, grpc::Status* status,
                  std::string* answer);
bool AnswerReflection(const std::string& request, std::string* answer);

}  // namespace aiges
