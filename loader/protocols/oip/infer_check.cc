// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/infer_check.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>
#include <vector>

#include "loader/base/strings.h"

namespace aiges::oip {
namespace {

constexpr std::string_view kReserved = "triton_";
constexpr std::string_view kEmptyFinal = "triton_enable_empty_final_response";
constexpr const char* kBatchNote =
    " NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be "
    "prepended to each input shape. If you want to specify the full shape including the batch dim "
    "in your input dims config, try setting max_batch_size to zero. See the model configuration "
    "docs for more info on max_batch_size.";

template <class T>
bool Is(const ParamValue& value) {
  return std::holds_alternative<T>(value);
}
bool IsInteger(const ParamValue& value) { return Is<int64_t>(value) || Is<uint64_t>(value); }
bool IsNatural(const ParamValue& value) {
  const auto* number = std::get_if<int64_t>(&value);
  return Is<uint64_t>(value) || (number != nullptr && *number >= 0);
}

std::string Quoted(const std::vector<std::string_view>& names) {
  std::string text = "[";
  for (const std::string_view name : names) {
    StrAppend(&text, text.size() == 1 ? "'" : ",'", name, "'");
  }
  return text + "]";
}

bool Fits(const Shape& declared, const Shape& given) {
  return std::equal(declared.begin(), declared.end(), given.begin(), given.end(),
                    [](int64_t want, int64_t got) { return want == -1 || want == got; });
}

// Checks one request, in the words of its model.
class Checker {
 public:
  Checker(const InferRequest& request, const ModelCard& card) : request_(request), card_(card) {}

  Status Run() {
    Status status = Names();
    for (const Tensor& input : request_.inputs) {
      if (!status.ok()) return status;
      status = Declared(input);
      if (status.ok()) status = Data(input);
    }
    return status.ok() ? Outputs() : status;
  }

 private:
  template <class... Parts>
  Status Say(const Parts&... parts) const {
    return Invalid(
        StrCat("[request id: ", request_.id.empty() ? std::string("<id_unknown>") : request_.id,
               "] ", parts...));
  }
  std::string For() const { return StrCat(" for model '", request_.model, "'"); }

  Status Names() const {
    std::set<std::string_view> seen;
    for (const Tensor& input : request_.inputs) {
      if (!seen.insert(input.name).second) {
        return Say("input '", input.name, "' already exists in request");
      }
    }
    if (card_.inputs().empty()) return Status::Ok();
    std::vector<std::string_view> got, missing;
    size_t required = 0;
    for (const TensorSpec& spec : card_.inputs()) {
      if (seen.count(spec.name) != 0) got.push_back(spec.name);
      if (spec.optional) continue;
      ++required;
      if (seen.count(spec.name) == 0) missing.push_back(spec.name);
    }
    for (const Tensor& input : request_.inputs) {
      if (card_.Input(input.name) == nullptr && seen.size() <= card_.inputs().size() &&
          seen.size() >= required) {
        return Say("unexpected inference input '", input.name, "'", For());
      }
      if (card_.Input(input.name) == nullptr) got.push_back(input.name);
    }
    if (missing.empty() && seen.size() <= card_.inputs().size()) return Status::Ok();
    const std::string tail =
        StrCat(For(), ". Got input(s) ", Quoted(got), ", but missing required input(s) ",
               Quoted(missing), ". Please provide all required input(s).");
    if (required == card_.inputs().size()) {
      return Say("expected ", required, " inputs but got ", seen.size(), " inputs", tail);
    }
    return Say("expected number of inputs between ", required, " and ", card_.inputs().size(),
               " but got ", seen.size(), " inputs", tail);
  }

  Status Declared(const Tensor& input) const {
    const TensorSpec* spec = card_.Input(input.name);
    if (spec == nullptr) return Status::Ok();
    if (spec->datatype != NameOf(input.datatype)) {
      return Say("inference input '", input.name, "' data-type is '", NameOf(input.datatype),
                 "', but model '", request_.model, "' expects '", spec->datatype, "'");
    }
    const int64_t most = card_.max_batch_size();
    if (!Fits(spec->shape, input.shape)) {
      return Say("unexpected shape for input '", input.name, "'", For(), ". Expected ",
                 ShapeText(spec->shape), ", got ", ShapeText(input.shape), ".",
                 most > 0 ? kBatchNote : "");
    }
    if (most == 0 || input.shape.empty()) return Status::Ok();
    if (input.shape.front() > most) {
      return Say("inference request batch-size must be <= ", most, " for '", request_.model, "'");
    }
    const Shape& first = request_.inputs.front().shape;
    if (!first.empty() && input.shape.front() != first.front()) {
      return Say("input '", input.name, "' batch size does not match other inputs for '",
                 request_.model, "'");
    }
    return Status::Ok();
  }

  Status Data(const Tensor& input) const {
    const std::optional<uint64_t> count = CountOf(input.shape);
    if (!count) {
      return Say("input '", input.name, "': expected a shape of sizes, got ",
                 ShapeText(input.shape));
    }
    if (input.datatype == Datatype::kBytes) return Elements(input, *count);
    const uint64_t bytes = *count * SizeOf(input.datatype);
    if (bytes == input.data.size()) return Status::Ok();
    return Say("input byte size mismatch for input '", input.name, "'", For(), ". Expected ", bytes,
               ", got ", input.data.size());
  }

  Status Elements(const Tensor& input, uint64_t count) const {
    std::string_view rest = input.data.view();
    uint64_t seen = 0;
    while (!rest.empty()) {
      if (TakeElement(&rest)) {
        ++seen;
        continue;
      }
      if (rest.size() < sizeof(uint32_t)) {
        return Invalid(StrCat("incomplete string length indicator for inference input '",
                              input.name, "', expecting 4 bytes but only ", rest.size(),
                              " bytes available"));
      }
      uint32_t length = 0;
      std::memcpy(&length, rest.data(), sizeof length);
      return Invalid(StrCat("incomplete string data for inference input '", input.name,
                            "', expecting string of length ", length, " but only ",
                            rest.size() - sizeof length, " bytes available"));
    }
    if (seen == count) return Status::Ok();
    return Say("unexpected number of string elements ", seen, " for inference input '", input.name,
               "'", For(), ", expecting ", count);
  }

  Status Outputs() const {
    if (card_.outputs().empty()) return Status::Ok();
    for (const RequestedOutput& output : request_.outputs) {
      if (card_.Output(output.name) != nullptr) continue;
      return Invalid(StrCat("unexpected inference output '", output.name, "'", For()));
    }
    return Status::Ok();
  }

  const InferRequest& request_;
  const ModelCard& card_;
};

}  // namespace

Status CheckParams(const Params& params) {
  for (const auto& [name, value] : params) {
    const char* wanted = nullptr;
    if (name == "sequence_id" && !IsInteger(value) && !Is<std::string>(value)) {
      wanted = "a number or a string";
    } else if ((name == "sequence_start" || name == "sequence_end" ||
                name == "binary_data_output" || name == kEmptyFinal) &&
               !Is<bool>(value)) {
      wanted = "a bool";
    } else if ((name == "priority" || name == "timeout") && !IsNatural(value)) {
      wanted = "a number from 0 on";
    } else if (name.starts_with(kReserved) && name != kEmptyFinal) {
      return Invalid(StrCat("parameter keys starting with '", kReserved,
                            "' are reserved for Triton usage and should not be specified."));
    }
    if (wanted != nullptr) {
      return Invalid(
          StrCat("invalid value for '", name, "': expected ", wanted, ", got ", TextOf(value)));
    }
  }
  return Status::Ok();
}

Status CheckRequest(const InferRequest& request, const ModelCard& card) {
  return Checker(request, card).Run();
}

}  // namespace aiges::oip
