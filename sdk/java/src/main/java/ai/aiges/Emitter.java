// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.List;

/**
 * The way of a session's answers to its client.
 *
 * <p><b>Threads.</b> Any thread may call it, also inside a hook. What two threads emit comes in the
 * order in which their calls were taken.
 */
public interface Emitter {
  /**
   * Gives payloads to the client. Waits while the client is slower than the engine: so call it
   * without locks that another emitting thread needs.
   *
   * @param payloads copied before it returns
   * @return true: taken; false: nobody waits for them any more, so stop
   */
  boolean emit(List<Payload> payloads);

  /**
   * The same for one payload.
   *
   * @param payload copied before it returns
   * @return true: taken; false: nobody waits for it any more
   */
  default boolean emit(Payload payload) {
    return emit(List.of(payload));
  }

  /**
   * Ends the session with an error, as if a hook had thrown it.
   *
   * @param error what went wrong
   * @return true: the client gets it; false: nobody waits any more
   */
  boolean fail(Throwable error);
}
