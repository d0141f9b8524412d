// SPDX-License-Identifier: Apache-2.0
// loader/protocols/model_card.h: what a model says of itself for protocols of tensors and tasks.
//
// The member "model" of wrapperSchema's JSON (docs/tensors.md):
//   {"platform": "onnxruntime_onnx", "max_batch_size": 8, "decoupled": false, "tasks": ["chat"],
//    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64], "optional": true}],
//    "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1], "labels": ["cat", "dog"]}],
//    "config": {..}}
// Shapes are those that clients send, with the dimension of the batch where max_batch_size is above
// 0. -1: any. A text that comes from a plugin: what is not of this form is left out, and said in
// problems(). Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiges {

struct TensorSpec {
  std::string name;
  std::string datatype;        // Of the Open Inference Protocol: "FP32", "BYTES".
  std::vector<int64_t> shape;  // -1: any.
  bool optional = false;
  std::vector<std::string> labels;  // Of the indices of an output, for classification.
};

class ModelCard {
 public:
  ModelCard() = default;
  explicit ModelCard(const std::string& schema);

  const std::string& platform() const { return platform_; }  // Empty: not said.
  int64_t max_batch_size() const { return max_batch_size_; }
  bool decoupled() const { return decoupled_; }  // Any number of answers to a request.
  // Nothing is declared: any names are taken, and any come.
  bool has_tensors() const { return !inputs_.empty() || !outputs_.empty(); }
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  const TensorSpec* Input(std::string_view name) const;
  const TensorSpec* Output(std::string_view name) const;
  bool HasTask(std::string_view task) const;
  const std::vector<std::string>& tasks() const { return tasks_; }
  const std::string& config() const { return config_; }  // JSON; empty: not said.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::string platform_, config_;
  int64_t max_batch_size_ = 0;
  bool decoupled_ = false;
  std::vector<TensorSpec> inputs_, outputs_;
  std::vector<std::string> tasks_;
  std::vector<std::string> problems_;
};

// The card of that text, made once for as long as the text is the same. Any thread.
std::shared_ptr<const ModelCard> CardOf(const std::shared_ptr<const std::string>& schema);

}  // namespace aiges
