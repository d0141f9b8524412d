// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The call or session that a hook runs for.
 *
 * <p><b>Threads.</b> Any thread may ask, also after the hook has returned: a call that is over is
 * one that nobody waits for. {@link TestContext} is one for unit tests.
 */
public interface Context {
  /**
   * What the call is named by in logs and meters ("usrTag").
   *
   * @return its name
   */
  String tag();

  /**
   * Who makes the call: the id of the key it came with.
   *
   * @return the id; empty where there are no keys
   */
  default String caller() {
    return "";
  }

  /**
   * The trace that the call is a part of (W3C Trace Context). What the engine begins lies within
   * it.
   *
   * @return the header's value; empty: it is of none
   */
  default String traceparent() {
    return "";
  }

  /**
   * The numbers of the resources that the request names.
   *
   * @return the numbers; none: an empty list
   */
  List<Integer> resources();

  /**
   * How long somebody waits still.
   *
   * @return the time to the call's deadline, zero after it; empty: there is none
   */
  Optional<Duration> remaining();

  /**
   * Whether nobody waits any more: cancelled, answered, or past the deadline. A loop that runs long
   * asks it now and then, and stops.
   *
   * @return true: what it still does is for nobody
   */
  boolean cancelled();

  /**
   * Throws where {@link #cancelled} is true.
   *
   * @throws CancelledException as that says
   */
  default void checkCancelled() {
    if (cancelled()) {
      throw new CancelledException("given up: nobody waits for the answer any more");
    }
  }

  /**
   * Calls another model of this host and waits for its answer. What is left of this call's
   * deadline, its cancellation and its request id go along. (docs/calls_between_models.md)
   *
   * @param model the name; "name:version" names a version, too
   * @param params parameters
   * @param input payloads, copied at once
   * @return its answer, which lasts
   * @throws CallFailedException what the other model answered in its place, with its class and code
   */
  default List<Payload> call(String model, Map<String, String> params, List<Payload> input) {
    try (Answers answers = stream(model, params, input, false)) {
      return answers.hasNext() ? answers.next() : List.of();
    }
  }

  /**
   * Begins a session of another model: many answers to the whole input.
   *
   * @param model as {@link #call}
   * @param params parameters
   * @param input payloads, copied at once
   * @return its answers, to be closed
   */
  default Answers stream(String model, Map<String, String> params, List<Payload> input) {
    return stream(model, params, input, true);
  }

  /**
   * The call behind {@link #call} and {@link #stream(String, Map, List)}.
   *
   * @param model as {@link #call}
   * @param params parameters
   * @param input payloads, copied at once
   * @param session whether many answers are wanted
   * @return its answers, to be closed
   */
  Answers stream(String model, Map<String, String> params, List<Payload> input, boolean session);

  /**
   * Counts for metrics and usage records (docs/metering.md).
   *
   * @param key what is counted, as "tokens"
   * @param count how many
   */
  void meter(String key, int count);

  /**
   * Adds to the host's log of this call.
   *
   * @param key what is told
   * @param value its value
   */
  void trace(String key, String value);

  /**
   * Says how far the call is, in the host's log: a {@link #trace} of "progress".
   *
   * @param share from 0 to 1
   */
  default void progress(double share) {
    trace("progress", String.format(Locale.ROOT, "%.3f", Math.max(0, Math.min(share, 1))));
  }

  /** Answers of another model, one after the other. By one thread at a time. */
  interface Answers extends java.util.Iterator<List<Payload>>, AutoCloseable {
    /** Gives the call up where it is not over. */
    @Override
    void close();
  }
}
