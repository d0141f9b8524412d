# SPDX-License-Identifier: Apache-2.0
"""The base class of models, and what their methods may return and raise."""

from typing import Any

from aiges.contracts.seldon._errors import SeldonNotImplementedError
from aiges.contracts.seldon._model import SeldonResponse

__all__ = ["SeldonComponent", "SeldonNotImplementedError", "SeldonResponse"]


def _not_filled_in(method: Any) -> Any:
    """Mark what a subclass may fill in, so that the service need not ask it in vain."""
    method.aiges_not_filled_in = True
    return method


class SeldonComponent:
    """A unit of a graph. Deriving from it is optional; each method may be filled in."""

    def __init__(self, **kwargs: Any) -> None:
        pass

    @_not_filled_in
    def tags(self) -> Any:
        """Return what every answer is marked with."""
        raise SeldonNotImplementedError("tags is not implemented")

    @_not_filled_in
    def class_names(self) -> Any:
        """Return the names of a result's columns."""
        raise SeldonNotImplementedError("class_names is not implemented")

    def load(self) -> None:
        """Load the model."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:  # noqa: N803
        """Answer a request."""
        raise SeldonNotImplementedError("predict is not implemented")

    @_not_filled_in
    def predict_raw(self, msg: Any) -> Any:
        """Answer a request, as a whole message."""
        raise SeldonNotImplementedError("predict_raw is not implemented")

    @_not_filled_in
    def send_feedback_raw(self, feedback: Any) -> Any:
        """Take a feedback, as a whole message."""
        raise SeldonNotImplementedError("send_feedback_raw is not implemented")

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:  # noqa: N803
        """Change a request on its way to the model."""
        raise SeldonNotImplementedError("transform_input is not implemented")

    @_not_filled_in
    def transform_input_raw(self, msg: Any) -> Any:
        """Change a request, as a whole message."""
        raise SeldonNotImplementedError("transform_input_raw is not implemented")

    def transform_output(self, X: Any, names: Any, meta: Any = None) -> Any:  # noqa: N803
        """Change an answer on its way to the client."""
        raise SeldonNotImplementedError("transform_output is not implemented")

    @_not_filled_in
    def transform_output_raw(self, msg: Any) -> Any:
        """Change an answer, as a whole message."""
        raise SeldonNotImplementedError("transform_output_raw is not implemented")

    @_not_filled_in
    def metrics(self) -> Any:
        """Return metrics of the last call."""
        raise SeldonNotImplementedError("metrics is not implemented")

    @_not_filled_in
    def feature_names(self) -> Any:
        """Nobody asks for it; kept for those who have it."""
        raise SeldonNotImplementedError("feature_names is not implemented")

    def send_feedback(
        self, features: Any, feature_names: Any, reward: float, truth: Any, routing: Any
    ) -> Any:
        """Hear how good an answer was."""
        raise SeldonNotImplementedError("send_feedback is not implemented")

    def route(self, features: Any, feature_names: Any) -> Any:
        """Return the number of the child that gets the request."""
        raise SeldonNotImplementedError("route is not implemented")

    @_not_filled_in
    def route_raw(self, msg: Any) -> Any:
        """Route a request, as a whole message."""
        raise SeldonNotImplementedError("route_raw is not implemented")

    def aggregate(self, features_list: Any, feature_names_list: Any) -> Any:
        """Make one answer of several."""
        raise SeldonNotImplementedError("aggregate is not implemented")

    @_not_filled_in
    def aggregate_raw(self, msgs: Any) -> Any:
        """Make one answer of several, as whole messages."""
        raise SeldonNotImplementedError("aggregate_raw is not implemented")

    def health_status(self) -> Any:
        """Say how the model is."""
        raise SeldonNotImplementedError("health is not implemented")

    @_not_filled_in
    def health_status_raw(self) -> Any:
        """Say how the model is, as a whole message."""
        raise SeldonNotImplementedError("health_raw is not implemented")

    def metadata(self) -> Any:
        """Older name of init_metadata, which nobody asks for."""
        raise SeldonNotImplementedError("metadata is not implemented")

    def init_metadata(self) -> Any:
        """Return what the model says of itself."""
        raise SeldonNotImplementedError("init_metadata is not implemented")
