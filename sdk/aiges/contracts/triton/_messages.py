# SPDX-License-Identifier: Apache-2.0
"""The messages of config.pbtxt, made at run time in a pool of their own.

Client libraries of the same protocol each bring a proto file for the package ``inference``, and two
of them in one process clash. Nothing of ours is of that name, or in the pool that all share.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

__all__ = ["message_class"]

_PACKAGE = "aiges.model_config"
_ENUMS = {
    "DataType": "TYPE_INVALID TYPE_BOOL TYPE_UINT8 TYPE_UINT16 TYPE_UINT32 TYPE_UINT64 TYPE_INT8 "
    "TYPE_INT16 TYPE_INT32 TYPE_INT64 TYPE_FP16 TYPE_FP32 TYPE_FP64 TYPE_STRING TYPE_BF16",
    "InstanceKind": "KIND_AUTO KIND_GPU KIND_CPU KIND_MODEL",
    "SecondaryKind": "KIND_NVDLA",
    "Format": "FORMAT_NONE FORMAT_NHWC FORMAT_NCHW",
    "BatchInputKind": "BATCH_ELEMENT_COUNT BATCH_ACCUMULATED_ELEMENT_COUNT "
    "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO BATCH_MAX_ELEMENT_COUNT_AS_SHAPE BATCH_ITEM_SHAPE "
    "BATCH_ITEM_SHAPE_FLATTEN",
    "BatchOutputKind": "BATCH_SCATTER_WITH_INPUT_SHAPE",
    "Priority": "PRIORITY_DEFAULT PRIORITY_MAX PRIORITY_MIN",
    "TimeoutAction": "REJECT DELAY",
    "ControlKind": "CONTROL_SEQUENCE_START CONTROL_SEQUENCE_READY CONTROL_SEQUENCE_END "
    "CONTROL_SEQUENCE_CORRID",
}
# "message: type name number, ..". A * repeats a field, map<..> is one, a name before a colon is a
# oneof. Messages that lie in others there stand beside them here: texts do not name them.
_MESSAGES = """
Resource: string name 1, bool global 2, uint32 count 3
RateLimiter: Resource* resources 1, uint32 priority 2
SecondaryDevice: SecondaryKind kind 1, int64 device_id 2
InstanceGroup: string name 1, InstanceKind kind 4, int32 count 2, RateLimiter rate_limiter 6, \
int32* gpus 3, SecondaryDevice* secondary_devices 8, string* profile 5, bool passive 7, \
string host_policy 9
Reshape: int64* shape 1
Input: string name 1, DataType data_type 2, Format format 3, int64* dims 4, Reshape reshape 5, \
bool is_shape_tensor 6, bool allow_ragged_batch 7, bool optional 8, bool is_non_linear_format_io 9
Output: string name 1, DataType data_type 2, int64* dims 3, Reshape reshape 5, \
string label_filename 4, bool is_shape_tensor 6, bool is_non_linear_format_io 7
BatchInput: BatchInputKind kind 1, string* target_name 2, DataType data_type 3, \
string* source_input 4
BatchOutput: string* target_name 1, BatchOutputKind kind 2, string* source_input 3
Latest: uint32 num_versions 1
All:
Specific: int64* versions 1
VersionPolicy: policy:Latest latest 1, policy:All all 2, policy:Specific specific 3
Graph: int32 level 1
GraphShape: int64* dim 1
GraphLowerBound: int32 batch_size 1, map<string,GraphShape> input 2
GraphSpec: int32 batch_size 1, map<string,GraphShape> input 2, GraphLowerBound graph_lower_bound 3
Cuda: bool graphs 1, bool busy_wait_events 2, GraphSpec* graph_spec 3, bool output_copy_stream 4
Accelerator: string name 1, map<string,string> parameters 2
Accelerators: Accelerator* gpu_execution_accelerator 1, Accelerator* cpu_execution_accelerator 2
PinnedMemory: bool enable 1
Optimization: Graph graph 1, Priority priority 2, Cuda cuda 3, \
Accelerators execution_accelerators 4, PinnedMemory input_pinned_memory 5, \
PinnedMemory output_pinned_memory 6, uint32 gather_kernel_buffer_threshold 7, bool eager_batching 8
QueuePolicy: TimeoutAction timeout_action 1, uint64 default_timeout_microseconds 2, \
bool allow_timeout_override 3, uint32 max_queue_size 4
DynamicBatching: int32* preferred_batch_size 1, uint64 max_queue_delay_microseconds 2, \
bool preserve_ordering 3, uint64 priority_levels 4, uint64 default_priority_level 5, \
QueuePolicy default_queue_policy 6, map<uint64,QueuePolicy> priority_queue_policy 7
Control: ControlKind kind 1, int32* int32_false_true 2, float* fp32_false_true 3, \
bool* bool_false_true 5, DataType data_type 4
ControlInput: string name 1, Control* control 2
InitialState: DataType data_type 1, int64* dims 2, state_data:bool zero_data 3, \
state_data:string data_file 4, string name 5
State: string input_name 1, string output_name 2, DataType data_type 3, int64* dims 4, \
InitialState* initial_state 5, bool use_same_buffer_for_input_output 6, bool use_growable_memory 7
Direct: uint64 max_queue_delay_microseconds 1, float minimum_slot_utilization 2
Oldest: int32 max_candidate_sequences 1, int32* preferred_batch_size 2, \
uint64 max_queue_delay_microseconds 3, bool preserve_ordering 4
SequenceBatching: strategy_choice:Direct direct 3, strategy_choice:Oldest oldest 4, \
uint64 max_sequence_idle_microseconds 1, ControlInput* control_input 2, State* state 5, \
bool iterative_sequence 6
Step: string model_name 1, int64 model_version 2, map<string,string> input_map 3, \
map<string,string> output_map 4, string model_namespace 5
Ensembling: Step* step 1, uint32 max_inflight_requests 2
Parameter: string string_value 1
WarmupInput: DataType data_type 1, int64* dims 2, input_data_type:bool zero_data 3, \
input_data_type:bool random_data 4, input_data_type:string input_data_file 5
Warmup: string name 1, uint32 batch_size 2, map<string,WarmupInput> inputs 3, uint32 count 4
Operations: string* op_library_filename 1
TransactionPolicy: bool decoupled 1
Agent: string name 1, map<string,string> parameters 2
RepositoryAgents: Agent* agents 1
ResponseCache: bool enable 1
MetricIdentifier: string family 1
HistogramOptions: double* buckets 1
MetricControl: MetricIdentifier metric_identifier 1, \
metric_options:HistogramOptions histogram_options 2
Metrics: MetricControl* metric_control 1
ModelConfig: string name 1, string platform 2, string backend 17, string runtime 25, \
VersionPolicy version_policy 3, int32 max_batch_size 4, Input* input 5, Output* output 6, \
BatchInput* batch_input 20, BatchOutput* batch_output 21, Optimization optimization 12, \
scheduling_choice:DynamicBatching dynamic_batching 11, \
scheduling_choice:SequenceBatching sequence_batching 13, \
scheduling_choice:Ensembling ensemble_scheduling 15, InstanceGroup* instance_group 7, \
string default_model_filename 8, map<string,string> cc_model_filenames 9, \
map<string,string> metric_tags 10, map<string,Parameter> parameters 14, Warmup* model_warmup 16, \
Operations model_operations 18, TransactionPolicy model_transaction_policy 19, \
RepositoryAgents model_repository_agents 23, ResponseCache response_cache 24, \
Metrics model_metrics 26
"""


def _set_type(field: Any, kind: str) -> None:
    scalar = getattr(type(field), f"TYPE_{kind.upper()}", None)
    if scalar is not None and kind.islower():
        field.type = scalar
        return
    field.type = field.TYPE_ENUM if kind in _ENUMS else field.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{kind}"


def _add_map(message: Any, field: Any, kinds: str) -> None:
    entry = message.nested_type.add()
    entry.name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
    entry.options.map_entry = True
    for number, (name, kind) in enumerate(zip(("key", "value"), kinds.split(",")), 1):
        member = entry.field.add(name=name, number=number, label=field.LABEL_OPTIONAL)
        _set_type(member, kind)
    field.label, field.type = field.LABEL_REPEATED, field.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{message.name}.{entry.name}"


def _add_field(message: Any, kind: str, name: str, number: str) -> None:
    oneof, _, kind = kind.rpartition(":")
    field = message.field.add(name=name, number=int(number))
    if kind.startswith("map<"):
        _add_map(message, field, kind[4:-1])
        return
    field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
    _set_type(field, kind.rstrip("*"))
    if oneof:
        names = [each.name for each in message.oneof_decl]
        if oneof not in names:
            message.oneof_decl.add(name=oneof)
            names.append(oneof)
        field.oneof_index = names.index(oneof)


@functools.cache
def message_class() -> Any:
    """Return the class of a model configuration. Raises ImportError without protobuf."""
    descriptor_pb2: Any = importlib.import_module("google.protobuf.descriptor_pb2")
    descriptor_pool: Any = importlib.import_module("google.protobuf.descriptor_pool")
    message_factory: Any = importlib.import_module("google.protobuf.message_factory")

    file = descriptor_pb2.FileDescriptorProto(
        name="aiges/model_config.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values.split()):
            enum.value.add(name=value, number=number)
    for line in _MESSAGES.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for field in filter(None, fields.strip().split(", ")):
            _add_field(message, *field.split(" "))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName(f"{_PACKAGE}.ModelConfig")
    make: Any = getattr(message_factory, "GetMessageClass", None)  # Since protobuf 4.22.
    return (
        make(descriptor) if make else message_factory.MessageFactory(pool).GetPrototype(descriptor)
    )
