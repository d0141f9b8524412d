// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.List;

/**
 * A session of an engine: made by {@link Engine#create}.
 *
 * <p>It answers by the {@link Emitter} that it was made with, from any thread, or by {@link #read},
 * which the host asks until the first answer by the emitter. An output stream ends with a payload
 * of the status {@link Payload.Status#END} or {@link Payload.Status#ONCE}; the session ends when
 * all of them have.
 *
 * <p><b>Threads.</b> The methods of one session never overlap, but come from different threads;
 * those of different sessions run at once.
 */
public interface Session {
  /**
   * Takes a piece of the input.
   *
   * @param input payloads, valid during this call (see {@link Data}); the last piece of a stream
   *     has the status {@link Payload.Status#END}
   * @throws Exception which ends the session as an error
   */
  void write(List<Payload> input) throws Exception;

  /**
   * Gives what is ready, without waiting.
   *
   * @return payloads; an empty list: nothing yet
   * @throws Exception which ends the session as an error
   */
  default List<Payload> read() throws Exception {
    return List.of();
  }

  /**
   * The end, exactly once on every path: all was answered, the client has gone, or the process is
   * to end. Nothing of the session runs when it has returned; what it emits then is refused.
   *
   * @throws Exception which is logged
   */
  default void destroy() throws Exception {}
}
